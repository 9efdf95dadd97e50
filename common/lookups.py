"""Names of hosts, looked up by the system in native threads: a slow name server holds up nobody else.

Eventlet has a resolver of its own for that, which makes all of dnspython a part of every process: a fifth
of what a service's imports take, and 8 MB. It also reads no nsswitch.conf, and search domains in a way of its
own. The launcher leaves it out with ``EVENTLET_NO_GREENDNS``. Alone, that would stop the whole process
until a name server answers, so the launcher has the names looked up here.
"""

import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from eventlet import hubs, spawn_n
from eventlet.event import Event
from eventlet.green import socket as green_socket
from eventlet.patcher import original

_FUNCTIONS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "getnameinfo")
_system: Any = original("socket")
_start_thread: Any = original("_thread").start_new_thread
"".encode("idna")  # imports what the first lookup needs: a thread that imports may wait for a green lock
_under_way: dict[tuple[Any, ...], Event] = {}


def use_threads() -> None:
    """Let ``socket`` look up names here, unless Eventlet's resolver does it."""
    if "eventlet.support.greendns" in sys.modules:
        return
    for module in (socket, green_socket):
        for name in _FUNCTIONS:
            setattr(module, name, globals()[name])


def getaddrinfo(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[Any, ...]]:
    """As ``socket.getaddrinfo``. An address needs no name server, and so no thread."""
    try:
        found = _system.getaddrinfo(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        name = host.encode("idna") if isinstance(host, str) else host
        found = _in_thread("getaddrinfo", name, port, family, type, proto, flags)
    return list(found)


def gethostbyname(name: str) -> Any:
    """As ``socket.gethostbyname``."""
    return _in_thread("gethostbyname", name)


def gethostbyname_ex(name: str) -> Any:
    """As ``socket.gethostbyname_ex``."""
    return _in_thread("gethostbyname_ex", name)


def getnameinfo(address: Any, flags: int) -> Any:
    """As ``socket.getnameinfo``."""
    return _in_thread("getnameinfo", address, flags)


def _in_thread(*question: Any) -> Any:
    """The answer; who asks the same meanwhile gets it too, so that there are no more threads than names."""
    if question not in _under_way:
        _under_way[question] = Event()
        spawn_n(_answer, question)
    return _under_way[question].wait()


def _answer(question: tuple[Any, ...]) -> None:
    # A green thread of its own: whoever has asked may have run out of time before the system answers.
    function, *arguments = question
    try:
        answer = _wait_for(lambda: getattr(_system, function)(*arguments))
    except Exception as problem:
        _under_way.pop(question).send_exception(problem)
    else:
        _under_way.pop(question).send(answer)


def _wait_for(ask: Callable[[], Any]) -> Any:
    """What a function returns in a thread. None joins that: a process may end before the system answers."""
    reader, writer = os.pipe()
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(ask())
        except Exception as problem:
            came.append(problem)
        os.close(writer)  # which is seen at the other end

    try:
        _start_thread(run, ())
        hubs.trampoline(reader, read=True)
    finally:
        os.close(reader)
    if isinstance(came[0], Exception):
        raise came[0]
    return came[0]
