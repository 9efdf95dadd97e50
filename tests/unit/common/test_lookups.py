"""Names of hosts: what the system says, and nobody waits for a name server but those who have asked it."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import eventlet
import pytest
from eventlet.patcher import original

from common import lookups


class NameServer:
    """Stands in for the system: the thread that asks is blocked until the test lets the server answer."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answers: Any = original("threading").Event()

    def getaddrinfo(self, host: Any, *arguments: Any) -> Any:
        if arguments[-1] & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        self.asked.append(host)
        if not self.answers.wait(10):
            raise AssertionError("the test could not go on meanwhile")
        if host == b"nowhere.example":
            raise socket.gaierror(socket.EAI_AGAIN, "no such host")
        return [("found", host)]

    def until_asked(self, times: int) -> None:
        with eventlet.Timeout(10):
            while len(self.asked) < times:
                eventlet.sleep(0.001)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(lookups, "_system", server)
    yield server
    assert not lookups._under_way


def test_a_name_server_that_is_silent_holds_up_nobody_else(server: NameServer) -> None:
    names = [f"{number}.example" for number in range(5)]
    asking = [eventlet.spawn(lookups.getaddrinfo, name, 80) for name in names]
    server.until_asked(5)
    server.answers.set()
    assert [one.wait() for one in asking] == [[("found", name.encode())] for name in names]


def test_those_who_ask_the_same_meanwhile_share_the_answer(server: NameServer) -> None:
    asking = [eventlet.spawn(lookups.getaddrinfo, "a.example", 80) for _ in range(9)]
    server.until_asked(1)
    server.answers.set()
    assert [one.wait() for one in asking] == [[("found", b"a.example")]] * 9
    assert server.asked == [b"a.example"]
    lookups.getaddrinfo("a.example", 80)
    assert len(server.asked) == 2


def test_all_who_asked_are_told_what_went_wrong(server: NameServer) -> None:
    server.answers.set()
    for one in [eventlet.spawn(lookups.getaddrinfo, "nowhere.example", 80) for _ in range(2)]:
        with pytest.raises(socket.gaierror, match="no such host"):
            one.wait()


def test_who_has_no_time_left_stops_waiting_and_leaves_nothing_behind(server: NameServer) -> None:
    files = len(os.listdir("/proc/self/fd"))
    with eventlet.Timeout(0.05, False):
        lookups.getaddrinfo("a.example", 80)
    assert len(lookups._under_way) == 1
    server.answers.set()
    with eventlet.Timeout(10):
        while lookups._under_way:
            eventlet.sleep(0.001)
    assert len(os.listdir("/proc/self/fd")) == files


def test_a_thread_that_can_not_start_is_an_error_to_who_asks(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(lookups, "_start_thread", full)
    with pytest.raises(RuntimeError, match="can't start"):
        lookups.getaddrinfo("a.example", 80)


def test_the_answers_are_the_system_s() -> None:
    system: Any = original("socket")
    for host, port in (("localhost", 80), (b"localhost", "http"), ("127.0.0.1", 80), ("::1", 80), (None, 80)):
        assert lookups.getaddrinfo(host, port) == system.getaddrinfo(host, port)
    assert lookups.gethostbyname("localhost") == system.gethostbyname("localhost")
    assert lookups.gethostbyname_ex("localhost") == system.gethostbyname_ex("localhost")
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert lookups.getnameinfo(("127.0.0.1", 80), numeric) == ("127.0.0.1", "80")
    with pytest.raises(UnicodeError):
        lookups.getaddrinfo("a" * 64, 80)


def test_an_address_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "_start_thread", None)
    assert lookups.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
