"""How long to wait before a service that died is started again."""

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 10.0
STABLE_SECONDS = 30.0


class RestartDelay:
    """Doubles with each death; begins anew once the service stayed up for a while."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def after(self, uptime: float) -> float:
        """Seconds to wait after a process that lived this long."""
        if uptime >= STABLE_SECONDS:
            self._next = FIRST_SECONDS
        delay, self._next = self._next, min(self._next * 2, LONGEST_SECONDS)
        return delay
