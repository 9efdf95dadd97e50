"""Who listens where: two servers can share a port without either noticing (SO_REUSEPORT)."""

from pathlib import Path

LISTENING = "0A"


class PortShared(RuntimeError):
    """A port has another number of listeners than it should have."""


def listeners(port: int) -> int:
    """How many sockets listen on the port, on any address."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    return sum(listeners_in(table.read_text(), port) for table in tables if table.exists())


def listeners_in(table: str, port: int) -> int:
    """How many listening sockets on the port a table of the kernel's names."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == LISTENING for row in rows)


def expect(port: int, count: int) -> None:
    """Refuse to measure when something else listens there as well."""
    if (found := listeners(port)) != count:
        raise PortShared(f"{found} processes listen on port {port}, {count} should")
