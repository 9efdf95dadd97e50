"""Free ports on the loopback interface, and whether an address answers."""

import socket
import time

LOOPBACK = "127.0.0.1"
_handed_out: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on and that this process was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port = int(probe.getsockname()[1])
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
