"""Who the client is when proxies stand before the process: the word of trusted ones counts, no one else's.

``X-Forwarded-For`` and ``Forwarded`` (RFC 7239) are lists that each proxy appends to, so they are read from
the right: the first address that is no trusted proxy's is the client's. What stands further left the client
may have made up. Of scheme and host the last value counts, which the nearest proxy has set.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from common.logging import get_logger

log = get_logger()
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MOST_HOPS = 32
_IPV6_PREFIX = 64
_PORT = r"(?::\d{1,5})?"
_NODE = re.compile(rf"\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9.]+){_PORT}|([0-9A-Fa-f:.]+)")
_HOST = re.compile(rf"(?:[A-Za-z0-9_.-]{{1,253}}|\[[0-9A-Fa-f:.]+\]){_PORT}")
_SCHEME = re.compile("https?")
# Written so that there is one way to match. Python's "*+" says so too, but in 3.11.2 it matches too much.
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_BALANCED = re.compile(rf'[^"]*(?:{_QUOTED}[^"]*)*')
_ELEMENT = re.compile(rf'(?:[^,"]|{_QUOTED})+')
_PAIR = re.compile(rf"""\s*([A-Za-z]+)=({_QUOTED}|[^\s;,"]+)\s*(?:;|$)""")

_ORIGIN = (
    ("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "proto", _SCHEME),
    ("HTTP_HOST", "HTTP_X_FORWARDED_HOST", "host", _HOST),
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks (``10.0.0.0/8``) between commas or spaces; ValueError names what is none."""
    return tuple(ip_network(word) for word in text.replace(",", " ").split())


def parse_address(text: str) -> Address | None:
    """An address, an IPv4 one in its own form even if it was mapped to IPv6; None for anything else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_of(text: str) -> str:
    """Whom an address stands for: itself, or for IPv6 its network of 64 bits, which one customer has."""
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)


class TrustedProxies:
    """The proxies whose headers are believed (``TRUSTED_PROXIES``)."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._has_told = False

    def apply(self, environ: dict[str, Any]) -> None:
        """Put the client's address, and the scheme and host that it used, where WSGI has them."""
        peer = parse_address(environ["REMOTE_ADDR"]) if self._networks else None
        if peer is None or not self._trusts(peer):
            self._tell_once(environ)
            return
        elements = _elements(environ.get("HTTP_FORWARDED", ""))
        environ["REMOTE_ADDR"] = str(self._client(peer, environ, elements))
        nearest = elements[-1] if elements else {}
        for place, header, key, pattern in _ORIGIN:
            value = _agreed(environ.get(header, ""), nearest.get(key, ""))
            if pattern.fullmatch(value):
                environ[place] = value

    def _client(self, peer: Address, environ: dict[str, Any], elements: list[dict[str, str]]) -> Address:
        found = set()
        if "HTTP_X_FORWARDED_FOR" in environ:
            found.add(self._walk(peer, environ["HTTP_X_FORWARDED_FOR"].split(",")))
        if elements and "for" in elements[-1]:
            found.add(self._walk(peer, [element.get("for", "") for element in elements]))
        # Of two headers that differ, the client may have sent the one that the proxy does not know.
        return found.pop() if len(found) == 1 else peer

    def _walk(self, peer: Address, hops: list[str]) -> Address:
        client = peer
        for hop in reversed(hops[-_MOST_HOPS:]):
            nearer = _node(hop.strip()) if self._trusts(client) else None
            if nearer is None:
                break
            client = nearer
        return client

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _tell_once(self, environ: dict[str, Any]) -> None:
        # Behind a proxy that is not named all clients would share its address, and one limit.
        if not self._has_told and ("HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ):
            self._has_told = True
            log.warning("forwarded_header_ignored", peer=environ["REMOTE_ADDR"], setting="TRUSTED_PROXIES")


def _elements(header: str) -> list[dict[str, str]]:
    """The elements of a Forwarded header; none at all if a quote is left open, since its end is anywhere."""
    if not _BALANCED.fullmatch(header):
        return []
    return [_pairs(element) for element in _ELEMENT.findall(header)]


def _pairs(element: str) -> dict[str, str]:
    """The parameters of one element; none if it can't be read, or says a thing twice."""
    pairs: dict[str, str] = {}
    at = 0
    while at < len(element):
        found = _PAIR.match(element, at)
        if found is None or found[1].lower() in pairs:
            return {}
        value = found[2]
        pairs[found[1].lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value
        at = found.end()
    return pairs


def _node(text: str) -> Address | None:
    found = _NODE.fullmatch(text)
    return parse_address(found[1] or found[2] or found[3]) if found else None


def _agreed(plain: str, forwarded: str) -> str:
    """The one value that the two headers name; nothing if they differ."""
    given = {value.lower() for value in (plain.rpartition(",")[2].strip(), forwarded) if value}
    return given.pop() if len(given) == 1 else ""
