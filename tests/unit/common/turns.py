"""How often others have their turn of eventlet's hub."""

from types import TracebackType

import eventlet


class Turns:
    """Counts them during its block; it begins to when somebody gives it the first."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Turns":
        self._thread = eventlet.spawn(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.kill()

    def _run(self) -> None:
        while True:
            self.count += 1
            eventlet.sleep(0)
