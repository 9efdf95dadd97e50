"""TLS to RabbitMQ, PostgreSQL and MongoDB: what the settings say of it, checked before anything starts.

RabbitMQ is spoken to over TLS if ``RABBITMQ_URL`` begins with ``amqps://``, PostgreSQL by ``DB_SSLMODE``,
MongoDB by its own address (``tls=true``). Certificates of servers are checked against the named authority,
or for RabbitMQ and MongoDB against those that the system knows.
"""

import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from common.tls import check_file

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
UNTRUSTED = "certificate verify failed"
"""What OpenSSL says, and every driver passes on, of a certificate that the authority has not signed."""
_CHECKING = ("verify-ca", "verify-full")
_ENCRYPTED = ("require", *_CHECKING)
_MONGODB_FILES = ("tlscafile", "tlscertificatekeyfile")


def complete(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with ``AMQP_SSL``, under which Nameko's classes and ours look for the broker's TLS."""
    if "AMQP_SSL" in config or not wants_rabbitmq(config):
        return config
    files = config.get("RABBITMQ_TLS") or {}
    names = {"ca_certs": files.get("ca"), "certfile": files.get("cert"), "keyfile": files.get("key")}
    options = {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": urlsplit(config["AMQP_URI"]).hostname,
        "tls_minimum_version": ssl.TLSVersion.TLSv1_2,
        **{name: path for name, path in names.items() if path},
    }
    return {**config, "AMQP_SSL": options}


def libpq(settings: dict[str, Any]) -> dict[str, Any]:
    """Who and where of a connection by the ``POSTGRES`` settings, as libpq names them."""
    where = {
        "host": settings["host"], "port": settings["port"], "user": settings["username"],
        "password": str(settings["password"]), "dbname": settings["database"],
    }  # fmt: skip
    tls = {"sslmode": settings.get("sslmode"), "sslrootcert": settings.get("sslrootcert")}
    return where | {name: value for name, value in tls.items() if value}


def wants_rabbitmq(config: dict[str, Any]) -> bool:
    """Whether the broker is to be spoken to over TLS and nothing else; the same for the two below."""
    return str(config.get("AMQP_URI", "")).startswith("amqps://")


def wants_postgresql(config: dict[str, Any]) -> bool:
    """By ``DB_SSLMODE``."""
    return config["POSTGRES"].get("sslmode") in _ENCRYPTED


def wants_mongodb(config: dict[str, Any]) -> bool:
    """By the options of ``MONGODB_URI``."""
    options = mongodb_options(config["MONGODB_URI"])
    return options.get("tls", options.get("ssl", "")).lower() == "true"


def problems(config: dict[str, Any]) -> list[str]:
    """Every reason why these settings can't work, a line each that names the variable."""
    return [*_rabbitmq(config), *_postgresql(config["POSTGRES"]), *_mongodb(config["MONGODB_URI"])]


def _rabbitmq(config: dict[str, Any]) -> Iterator[str]:
    files = config["RABBITMQ_TLS"]
    given = [f"RABBITMQ_{name.upper()}" for name, path in files.items() if path]
    if given and not wants_rabbitmq(config):
        yield f"{given[0]} is set, and RABBITMQ_URL does not begin with amqps://: nothing would be encrypted."
    elif bool(files["cert"]) != bool(files["key"]):
        yield "RABBITMQ_CERT and RABBITMQ_KEY go together: set both or neither."
    else:
        yield from _authority("RABBITMQ_CA", files["ca"])
        yield from _own("RABBITMQ_CERT", files["cert"], "RABBITMQ_KEY", files["key"])


def _postgresql(settings: dict[str, Any]) -> Iterator[str]:
    mode, authority = settings["sslmode"], settings["sslrootcert"]
    if mode not in SSL_MODES:
        yield f"DB_SSLMODE is {mode!r}: set it to one of {', '.join(SSL_MODES)}."
    elif mode in _CHECKING and not authority:
        yield f"DB_SSLMODE={mode} needs DB_SSLROOTCERT, the authority's certificate in PEM format."
    else:
        yield from _authority("DB_SSLROOTCERT", authority)


def _mongodb(uri: str) -> Iterator[str]:
    options = mongodb_options(uri)
    authority, own = (options.get(name, "") for name in _MONGODB_FILES)
    yield from _authority("MONGODB_URI, tlsCAFile", authority)
    yield from _own("MONGODB_URI, tlsCertificateKeyFile", own, "MONGODB_URI, tlsCertificateKeyFile", own)


def mongodb_options(uri: str) -> dict[str, str]:
    """What stands behind the question mark; names, which are written in any case, in small letters."""
    return {name.lower(): value for name, value in parse_qsl(str(uri).partition("?")[2])}


def _authority(variable: str, path: str) -> Iterator[str]:
    if path:
        try:
            check_file(variable, path)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except ssl.SSLError:
            yield f"{variable}: {path} holds no certificate in PEM format."
        except ValueError as problem:
            yield str(problem)


def _own(variable: str, certificate: str, key_variable: str, key: str) -> Iterator[str]:
    if certificate:
        try:
            check_file(variable, certificate)
            check_file(key_variable, key)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
        except ssl.SSLError:
            yield f"{variable}: {certificate} holds no certificate whose key (without a password) is {key}."
        except ValueError as problem:
            yield str(problem)
