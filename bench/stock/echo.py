"""A call that does nothing, on stock Nameko: what the transport alone costs."""

from typing import Any

from nameko.rpc import RpcProxy, rpc

from bench.drive import drive


class Echo:
    """Answers with what it was given."""

    name = "bench_echo"

    @rpc
    def echo(self, data: Any) -> Any:
        """The same again."""
        return data


class Caller:
    """Calls it without pause."""

    name = "bench_caller"
    target = RpcProxy("bench_echo")

    @rpc
    def run(self, data: Any, clients: int, seconds: float) -> dict[str, float]:
        """How quickly calls are answered."""
        return drive(lambda: self.target.echo(data=data), clients, seconds)
