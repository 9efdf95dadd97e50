"""What a measurement finds in place: the servers, and both sides running."""

from dataclasses import dataclass

from bench.engines import Engines
from bench.sides import Side


@dataclass(frozen=True)
class Setting:
    """Everything is up; who measures leaves it so."""

    engines: Engines
    suite: Side
    stock: Side

    @property
    def broker_pid(self) -> int:
        """RabbitMQ's process."""
        pid = self.engines.rabbitmq.pid
        if pid is None:
            raise RuntimeError("RabbitMQ has ended")
        return pid

    @property
    def pids(self) -> list[int]:
        """Whatever works for either side, but for the databases."""
        return [*self.suite.pids, *self.stock.pids, self.broker_pid]
