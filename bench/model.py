"""What more instances would carry: the capacity of each component, from its measured CPU for each request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """CPU milliseconds for each request. ``queue``: of the broker's, those of the queue's one process."""

    gateway: float
    todos: float
    broker: float
    mongodb: float
    queue: float


@dataclass(frozen=True)
class Plant:
    """What is there: processes of Python, which use one core each at most, and cores of the servers."""

    gateways: int
    todos: int
    broker_cores: int
    mongodb_cores: int

    @property
    def cores(self) -> int:
        """How many cores that takes in all, so that none is shared."""
        return self.gateways + self.todos + self.broker_cores + self.mongodb_cores


def capacities(costs: Costs, plant: Plant) -> dict[str, float]:
    """Requests per second at which each component would be busy all the time."""
    return {
        "gateways": plant.gateways * 1000 / costs.gateway,
        "todos": plant.todos * 1000 / costs.todos,
        "RabbitMQ": plant.broker_cores * 1000 / costs.broker,
        "queue `rpc-todos`": 1000 / costs.queue,
        "MongoDB": plant.mongodb_cores * 1000 / costs.mongodb,
    }


def limit(found: dict[str, float]) -> tuple[str, float]:
    """What would be busy first, and at how many requests per second."""
    name = min(found, key=found.__getitem__)
    return name, found[name]
