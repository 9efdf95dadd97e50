"""Where and how mail leaves: the settings of `MAIL` in config.yml, checked at the start."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from services.notifications.mailboxes import parse_address, parse_mailbox
from services.notifications.smtp_providers import PROVIDER_NAMES, Provider, find_provider

TLS_MODES = ("none", "starttls", "tls")
DEFAULT_SENDER = "Todos <no-reply@localhost>"
_LOCAL = Provider("127.0.0.1", 1025, "none")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_USUAL_PORTS = {"none": 25, "starttls": 587, "tls": 465}


@dataclass(frozen=True)
class SmtpSettings:
    """One SMTP server and the account on it; `from_config` makes it, with the checks."""

    host: str
    port: int
    tls: str = "none"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = DEFAULT_SENDER
    tls_ca: str = ""
    timeout: float = 10.0
    # A server may scan a mail before it accepts it. Hanging up on it meanwhile
    # leaves open whether the mail went out, so this wait is longer.
    accept_timeout: float = 30.0

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Read the settings; a ValueError has one line that names the variable at fault."""
        given = _given(config)
        server = _server(given, production=str(config.get("ENV") or "") == "production")
        _check_credentials(given)
        return cls(
            host=server.host,
            port=server.port,
            tls=server.tls,
            user=given["user"],
            password=given["password"],
            sender=_sender(given),
            tls_ca=_tls_ca(given),
        )

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the context that verifies the server's certificate; None without TLS."""
        if self.tls == "none":
            return None
        try:
            return ssl.create_default_context(cafile=self.tls_ca or None)
        except ssl.SSLError as error:
            raise ValueError("SMTP_TLS_CA is not a file of certificates in PEM format") from error


def _given(config: Mapping[str, object]) -> dict[str, str]:
    mail = config.get("MAIL")
    section: Mapping[str, object] = mail if isinstance(mail, Mapping) else {}
    names = ("service", "user", "sender", "host", "port", "tls", "tls_ca")
    texts = {name: str(section.get(name) or "").strip() for name in names}
    return {**texts, "password": str(section.get("password") or "")}


def _server(given: Mapping[str, str], *, production: bool) -> Provider:
    """What is given explicitly wins; the rest is the provider's, or follows from the port or TLS."""
    base = _base(given, production=production)
    host, port, tls = given["host"] or base.host, _port(given["port"]), _tls_mode(given["tls"])
    if port:
        return Provider(host, port, tls or _usual_tls(port, host, given))
    if not tls or tls == base.tls or base is _LOCAL:
        return Provider(host, base.port, tls or base.tls)
    return Provider(host, _USUAL_PORTS[tls], tls)


def _base(given: Mapping[str, str], *, production: bool) -> Provider:
    if given["service"]:
        return _named_provider(given["service"])
    if given["host"]:
        return _plain_host(given)
    if production:
        raise ValueError("SMTP_HOST or EMAIL_SERVICE must be set with ENV=production: where does mail go?")
    return _LOCAL


def _named_provider(name: str) -> Provider:
    provider = find_provider(name)
    if provider is None:
        known = ", ".join(PROVIDER_NAMES)
        raise ValueError(f"EMAIL_SERVICE={name} is not known: set SMTP_HOST instead, or give one of {known}")
    return provider


def _plain_host(given: Mapping[str, str]) -> Provider:
    if not _HOST.fullmatch(given["host"]):
        raise ValueError(f"SMTP_HOST={given['host']!r} is not a host name or an IP address")
    tls = _usual_tls(25, given["host"], given)
    return Provider(given["host"], _USUAL_PORTS[tls], tls)


def _usual_tls(port: int, host: str, given: Mapping[str, str]) -> str:
    """A password never goes out in the clear, unless SMTP_TLS=none says so or it stays on this host."""
    if port == _USUAL_PORTS["tls"]:
        return "tls"
    needs_secrecy = bool(given["password"]) and host not in _LOOPBACK
    return "starttls" if port == _USUAL_PORTS["starttls"] or needs_secrecy else "none"


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) <= 65535):
        raise ValueError(f"SMTP_PORT={text} is not a port: give a number from 1 to 65535")
    return int(text)


def _tls_mode(text: str) -> str:
    if text and text.lower() not in TLS_MODES:
        raise ValueError(f"SMTP_TLS={text} is not known: give one of {', '.join(TLS_MODES)}")
    return text.lower()


def _check_credentials(given: Mapping[str, str]) -> None:
    if given["password"] and not given["user"]:
        raise ValueError("EMAIL_USER must be set where EMAIL_PASS is")
    if given["service"] and not given["host"] and given["user"] and not given["password"]:
        raise ValueError(f"EMAIL_PASS must be set to log in at {given['service']} as EMAIL_USER")
    for name, variable in (("user", "EMAIL_USER"), ("password", "EMAIL_PASS")):
        if not given[name].isascii():
            raise ValueError(f"{variable} has characters beyond ASCII, which an SMTP login can't carry")


def _sender(given: Mapping[str, str]) -> str:
    if not given["sender"]:
        return given["user"] if _is_address(given["user"]) else DEFAULT_SENDER
    try:
        parse_mailbox(given["sender"])
    except ValueError as error:
        raise ValueError(f"EMAIL_FROM is not an address such as {DEFAULT_SENDER!r}: {error}") from error
    return given["sender"]


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


def _tls_ca(given: Mapping[str, str]) -> str:
    if given["tls_ca"] and not Path(given["tls_ca"]).is_file():
        raise ValueError(f"SMTP_TLS_CA={given['tls_ca']} is not a file")
    return given["tls_ca"]
