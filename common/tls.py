"""The certificate and key of a port that speaks HTTPS, checked before anything starts.

``TLS_CERT`` and ``TLS_KEY`` name two files in PEM format; a process that is given them speaks nothing else.
"""

import ssl
from typing import Any, Never

HSTS = {"Strict-Transport-Security": "max-age=31536000"}
"""Browsers that were here over TLS come back that way for a year. Other hosts of the domain stay free."""


def problems(certificate: str, key: str) -> list[str]:
    """Why these two can't work: a line that names the variable, or none."""
    if bool(certificate) != bool(key):
        return ["TLS_CERT and TLS_KEY go together: set both or neither."]
    try:
        context_of({"tls_cert": certificate, "tls_key": key})
    except ValueError as problem:
        return [str(problem)]
    return []


def context_of(settings: dict[str, Any]) -> ssl.SSLContext | None:
    """What a server needs for TLS 1.2 and newer; None without a certificate, ValueError for a wrong one."""
    certificate, key = settings["tls_cert"], settings["tls_key"]
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Whoever is too slow is not read any further, and still to be answered: OpenSSL would refuse to write.
    # A request that was cut off is known by its own length.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_IGNORE_UNEXPECTED_EOF
    context.set_alpn_protocols(["http/1.1"])
    check_file("TLS_CERT", certificate)
    check_file("TLS_KEY", key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(certificate)
    except ssl.SSLError:
        raise ValueError(f"TLS_CERT: {certificate} holds no certificate in PEM format.") from None
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except ssl.SSLError as problem:
        if "TOO_SMALL" in (problem.reason or "") or "TOO_WEAK" in (problem.reason or ""):
            raise ValueError(f"TLS_CERT: {certificate} is too weak ({problem.reason}).") from None
        fits = "that belongs to the certificate in TLS_CERT"
        raise ValueError(f"TLS_KEY: {key} holds no private key in PEM format {fits}.") from None


def check_file(variable: str, path: str) -> None:
    """ValueError, in one line that names the variable, for a file that can't be read."""
    try:
        with open(path, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it is no path"
        raise ValueError(f"{variable}: {path} can't be read: {reason}.") from None


def _refuse_password() -> Never:
    # OpenSSL would ask at the terminal.
    raise ValueError("TLS_KEY has a password: give a key without one, readable by this process only.")
