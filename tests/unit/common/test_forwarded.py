"""The client's address behind proxies: only what trusted ones have written is believed."""

import time
from typing import Any

import pytest

from common.forwarded import TrustedProxies, parse_address, parse_networks

CLIENT, PROXY, INNER = "203.0.113.7", "10.0.0.1", "10.0.0.2"
TRUSTED = "10.0.0.0/8, 2001:db8::/32 127.0.0.1"


def seen(peer: str, networks: str = TRUSTED, **headers: str) -> dict[str, Any]:
    """A request's environment after its proxies' headers were read."""
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inside:3000"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    TrustedProxies(parse_networks(networks)).apply(environ)
    return environ


def client(peer: str, networks: str = TRUSTED, **headers: str) -> str:
    return str(seen(peer, networks, **headers)["REMOTE_ADDR"])


def test_a_proxy_s_word_counts_if_it_is_trusted() -> None:
    assert client(PROXY, x_forwarded_for=CLIENT) == CLIENT
    assert client(PROXY, forwarded=f"for={CLIENT}") == CLIENT


@pytest.mark.parametrize("networks", ["", "192.0.2.0/24"])
def test_a_stranger_s_word_does_not(networks: str) -> None:
    headers = {"x_forwarded_for": "1.2.3.4", "x_forwarded_proto": "https", "x_forwarded_host": "evil.example"}
    found = seen(CLIENT, networks, forwarded="for=1.2.3.4;host=evil.example;proto=https", **headers)

    assert (found["REMOTE_ADDR"], found["wsgi.url_scheme"], found["HTTP_HOST"]) == (
        CLIENT,
        "http",
        "inside:3000",
    )


@pytest.mark.parametrize(
    ("hops", "found"),
    [
        (f"{CLIENT}, {INNER}", CLIENT),
        (f"1.2.3.4, {CLIENT}, {INNER}", CLIENT),  # what stands left of the client, the client has written
        (f"{INNER}, {CLIENT}", CLIENT),
        (f"10.9.9.9,{INNER}", "10.9.9.9"),
        (f"{CLIENT}:4711", CLIENT),
        ("2a02:1::7", "2a02:1::7"),
        ("[2a02:1::7]:4711", "2a02:1::7"),
        (f"{CLIENT},2001:db8::5", CLIENT),
        (f"::ffff:{CLIENT}", CLIENT),
    ],
)
def test_the_first_address_from_the_right_that_is_no_proxy_s_is_the_client_s(hops: str, found: str) -> None:
    assert client(PROXY, x_forwarded_for=hops) == found
    quoted = ", ".join(f'for="{hop.strip()}"' for hop in hops.split(","))
    assert client(PROXY, forwarded=quoted) == found


@pytest.mark.parametrize(
    "hop", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "[::1", "a" * 5000, "é", "\x00"]
)
def test_what_is_no_address_ends_the_search(hop: str) -> None:
    assert client(PROXY, x_forwarded_for=hop) == PROXY
    assert client(PROXY, x_forwarded_for=f"{hop}, {INNER}") == INNER
    assert client(PROXY, x_forwarded_for=f"{hop}, {CLIENT}") == CLIENT
    assert client(PROXY, forwarded=f"for={hop}") == PROXY


@pytest.mark.parametrize(
    "header",
    [
        f'for="1.2.3.4, for={CLIENT}',  # an open quote swallows what the proxy has added
        "for=1.2.3.4;for=5.6.7.8",
        "for",
        "for=",
        ";;;",
        "proto=https for=1.2.3.4",
    ],
)
def test_a_forwarded_header_that_can_not_be_read_is_ignored(header: str) -> None:
    assert client(PROXY, forwarded=header) == PROXY
    assert client(PROXY, forwarded=header, x_forwarded_for=CLIENT) == CLIENT


def test_a_comma_between_quotes_separates_nothing() -> None:
    assert client(PROXY, forwarded=f'for={CLIENT};by="a, for=1.2.3.4"') == CLIENT


def test_two_headers_that_name_different_clients_are_both_ignored() -> None:
    assert client(PROXY, forwarded="for=1.2.3.4", x_forwarded_for=CLIENT) == PROXY
    assert client(PROXY, forwarded="for=_hidden", x_forwarded_for="1.2.3.4") == PROXY
    assert client(PROXY, forwarded=f"for={CLIENT}", x_forwarded_for=CLIENT) == CLIENT


def test_scheme_and_host_are_those_that_the_client_used() -> None:
    plain = seen(PROXY, x_forwarded_proto="https", x_forwarded_host="todo.example.org")
    standard = seen(PROXY, forwarded=f'for={CLIENT};proto=https;host="todo.example.org:8443"')

    assert (plain["wsgi.url_scheme"], plain["HTTP_HOST"]) == ("https", "todo.example.org")
    assert (standard["wsgi.url_scheme"], standard["HTTP_HOST"]) == ("https", "todo.example.org:8443")


def test_of_several_values_the_nearest_proxy_s_counts() -> None:
    found = seen(PROXY, x_forwarded_proto="http, https", x_forwarded_host="evil.example, todo.example.org")

    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("https", "todo.example.org")


@pytest.mark.parametrize(
    "host", ["evil.example/path", "a b", "x@y", "", 'a"b', "h:123456", "[::1", "<script>"]
)
def test_schemes_and_hosts_that_make_no_sense_are_ignored(host: str) -> None:
    found = seen(PROXY, x_forwarded_proto="javascript", x_forwarded_host=host)

    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("http", "inside:3000")


@pytest.mark.parametrize("piece", ['"', '"\\', "for=", "10.0.0.1,", "for=10.0.0.1,", "a=b;", 'a="b",'])
def test_long_headers_are_read_in_no_time(piece: str) -> None:
    long = piece * (8000 // len(piece))
    started = time.perf_counter()
    client(PROXY, forwarded=long, x_forwarded_for=long)

    assert time.perf_counter() - started < 0.2


def test_an_ipv4_address_inside_ipv6_is_itself() -> None:
    assert str(parse_address("::ffff:10.0.0.1")) == PROXY
    assert client("::ffff:10.0.0.1", x_forwarded_for=CLIENT) == CLIENT
    assert parse_address("localhost") is None
