"""Free ports on the loopback interface, and whether an address answers."""

import random
import socket
import time

LOOPBACK = "127.0.0.1"
_handed_out: set[int] = set()
# Side by side, processes must not choose the same one after the other.
_PORTS = random.SystemRandom()
_FIRST, _LAST = 15_673, 32_768
"""Beyond RabbitMQ's own, and below what Linux takes for outgoing connections."""


def free_port() -> int:
    """A port that nothing listens on and that this process was not given before.

    None of those that the system gives to connections: one of these may take it before a server does.
    """
    while True:
        port = _PORTS.randrange(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port not in _handed_out:
            _handed_out.add(port)
            return port


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether the address accepts a connection."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def wait_for_answer(host: str, port: int, timeout: float) -> bool:
    """Whether the address accepts a connection before the time is up."""
    deadline = time.monotonic() + timeout
    while not answers(host, port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine's own."""
    return host in ("localhost", "::1") or host.startswith("127.")
