"""Which processes run: every service once, and more of those that SCALE names."""

from dataclasses import dataclass

from ops.runner.refusal import CannotRun

SERVICES = ("users", "auth", "todos", "messaging", "notifications", "gateway")
MOST = 32


@dataclass(frozen=True)
class Instance:
    """One process of a service."""

    service: str
    number: int = 1

    @property
    def name(self) -> str:
        """What its lines begin with: `todos`, `todos.2`."""
        return self.service if self.number == 1 else f"{self.service}.{self.number}"

    @property
    def environment(self) -> dict[str, str]:
        """A further instance takes any free port; gateways on one machine share theirs."""
        if self.number == 1 or self.service == "gateway":
            return {}
        return {port_variable(self.service): "0"}


def port_variable(service: str) -> str:
    """The variable that sets the service's port."""
    return "PORT" if service == "gateway" else f"{service.upper()}_PORT"


def parse_scale(text: str) -> list[Instance]:
    """Reads `gateway=2 todos=3`; a service that is not named runs once."""
    counts = dict.fromkeys(SERVICES, 1)
    for part in text.replace(",", " ").split():
        service, _, count = part.partition("=")
        if service not in counts:
            raise CannotRun(
                f"SCALE: there is no service {service!r}; the services are {', '.join(SERVICES)}."
            )
        if not count.isdecimal() or not 1 <= int(count) <= MOST:
            raise CannotRun(f"SCALE: {part!r} should be {service}=N with N from 1 to {MOST}.")
        counts[service] = int(count)
    return [Instance(service, number + 1) for service, count in counts.items() for number in range(count)]
