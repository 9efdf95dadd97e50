"""The settings that are addresses: whether a broker, a database or a page can be at them at all."""

from typing import Any
from urllib.parse import SplitResult, urlsplit


def problems(config: dict[str, Any]) -> list[str]:
    """Every one that can't work, a line each that names the variable."""
    found = []
    if not is_amqp(config["AMQP_URI"]):
        found.append("RABBITMQ_URL must begin with amqp:// or amqps:// and name a host.")
    if not _is_mongodb(str(config["MONGODB_URI"])):
        found.append("MONGODB_URI must begin with mongodb:// or mongodb+srv:// and name a host.")
    management = str(config["RABBITMQ_MANAGEMENT_URL"])
    if management and not _is_page(management):
        found.append("RABBITMQ_MANAGEMENT_URL must begin with http:// or https:// and name a host.")
    if not _is_page(str(config["PUBLIC_URL"])):
        found.append("PUBLIC_URL must begin with http:// or https://, name a host, and have no ? or # in it.")
    return found


def is_amqp(uri: str) -> bool:
    """Whether it can be a broker's."""
    parts = _parts(uri)
    return parts is not None and parts.scheme in ("amqp", "amqps") and parts.port != 0


def _is_page(url: str) -> bool:
    parts = _parts(url)
    is_http = parts is not None and parts.scheme in ("http", "https")
    return is_http and not any(sign in "?#\\" or sign.isspace() for sign in url)


def _is_mongodb(uri: str) -> bool:
    """By its beginning: several hosts with a port each are no address that urllib could take apart."""
    scheme, found, rest = uri.partition("://")
    hosts = rest.partition("/")[0].partition("?")[0].rpartition("@")[2].split(",")
    return bool(found) and scheme in ("mongodb", "mongodb+srv") and all(_is_host(host) for host in hosts)


def _is_host(text: str) -> bool:
    # A port out of range, or an address in brackets that is none, makes no parts.
    parts = _parts(f"//{text}")
    return parts is not None and parts.port != 0


def _parts(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port  # a wrong one is found when it is asked for
    except ValueError:
        return None
    return parts if parts.hostname else None
