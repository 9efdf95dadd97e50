"""A call that does nothing, over the suite's transport: what that alone costs."""

from typing import Any

from bench.drive import drive
from common.identity import Allow
from common.rpc import Service, rpc


class Echo:
    """Answers with what it was given."""

    name = "bench_echo"

    @rpc(allow=Allow.PUBLIC, idempotent=True)
    def echo(self, data: Any) -> Any:
        """The same again."""
        return data


class Caller:
    """Calls it without pause."""

    name = "bench_caller"
    target: Any = Service("bench_echo")

    @rpc(allow=Allow.PUBLIC, idempotent=True)
    def run(self, data: Any, clients: int, seconds: float) -> dict[str, float]:
        """How quickly calls are answered."""
        return drive(lambda: self.target.echo(data=data), clients, seconds)
