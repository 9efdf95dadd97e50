"""What keeps a service that is silent, gone or slow from holding up those who call it.

A *breaker*: after some calls in a row that nobody answered, or one that nobody was there to take, calls
are refused at once, and one at a time is let through to see whether somebody is there again. A *bulkhead*:
so many calls to one service may be under way in a process and no more, so that a slow one can't take all of
its workers.
"""

from eventlet.semaphore import BoundedSemaphore

from common import metrics
from common.attendance import Attendance
from common.breaker import HALF_OPEN, Breaker
from common.errors import SuiteError, Unavailable
from common.logging import get_logger

log = get_logger()
FAILURES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5, 0.5, 1.0
TRIAL_SECONDS = 2.0
"""How long a call may take that is made to see whether the service is back."""
SILENCE_SECONDS = 1.0
"""A shorter wait without an answer says more about the deadline than about the service."""
UNDER_WAY = 64
QUEUE_SECONDS = 0.25
"""How long a call waits for its place before it is refused."""


class Guard:
    """The breaker and the bulkhead of one service, shared by all calls of this process to it.

    ``with guard:`` is around each call.
    """

    def __init__(self, target: str, attendance: Attendance, patience: float) -> None:
        self.target = target
        self._attendance = attendance
        self._patience = patience
        self.breaker = Breaker(FAILURES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._places = BoundedSemaphore(UNDER_WAY)
        metrics.show_breaker(target, self.breaker)
        metrics.show_semaphore(f"calls-to-{target}", UNDER_WAY, self._places)

    def __enter__(self) -> None:
        """Take a place among the calls under way; Unavailable if there is none soon."""
        if not self._places.acquire(timeout=QUEUE_SECONDS):
            metrics.CALLS_REFUSED.labels(self.target, "bulkhead").inc()
            raise Unavailable("overloaded", f"Too many calls to the {self.target} service are under way.")

    def __exit__(self, *_: object) -> None:
        """Leave it to the next."""
        self._places.release()

    def limit(self, seconds: float) -> float:
        """How long a call may take that asks for ``seconds``; Unavailable while the breaker is open."""
        if not self.breaker.allows():
            metrics.CALLS_REFUSED.labels(self.target, "breaker").inc()
            raise unavailable(self.target)
        return min(seconds, TRIAL_SECONDS) if self.breaker.state == HALF_OPEN else seconds

    def answered(self) -> None:
        """Somebody is there, whatever the answer was."""
        if not self.breaker.is_closed:
            log.info("breaker_closed", target=self.target)
        self.breaker.succeeded()

    def not_answered(self, error: SuiteError, seconds: float, askers: int = 1) -> SuiteError:
        """Nobody took the call, or nobody answered for so long; what its caller is to be told of it.

        A call that several share counts for each of these, as if each had made one.

        A service that starts again within a call's time still answers it, so whether anybody is there to
        answer is asked only when that time is over; and only a call that had much of the usual time lets
        others be refused.
        """
        is_late = not isinstance(error, Unavailable)
        if is_late and seconds < SILENCE_SECONDS:
            return error
        was_closed = self.breaker.is_closed
        if is_late and self._attendance.is_empty():
            error = unavailable(self.target)
            (self.breaker.gone if seconds >= self._patience else self.breaker.failed)()
        else:
            for _ in range(askers):
                self.breaker.failed()
        if was_closed and not self.breaker.is_closed:
            log.error("breaker_opened", target=self.target, error=error.code)
        return error


def unavailable(target: str) -> Unavailable:
    """What is said of a service that is not there."""
    return Unavailable("unavailable", f"The {target} service is not available.")
