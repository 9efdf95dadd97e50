"""The door to SMTP: sends a message, keeps a few connections, turns errors into failures."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import eventlet
from eventlet.event import Event
from eventlet.semaphore import BoundedSemaphore

from common import metrics, tracing
from common.breaker import Breaker
from common.failures import PermanentFailure, Postponed, TemporaryFailure
from services.notifications.smtp_session import Envelope, HungUp, SmtpSession
from services.notifications.smtp_settings import SmtpSettings

MAX_CONNECTIONS = 8
MAX_MAILS_PER_CONNECTION = 100
MAX_IDLE_SECONDS = 20.0
CHECK_SECONDS = 1.5
FAILURES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 3, 1.0, 10.0
BUSY_SECONDS = 1.0


class Mailer:
    """Sends mails over SMTP; raises nothing but Temporary- and PermanentFailure.

    When no connection can be made several times in a row, the server is left alone for a while: mails
    are postponed then, which costs them no attempt, until one connection (:meth:`try_again`) is made.

    It never sends a mail a second time by itself. `smtp_unknown_outcome` says
    that the server may have it: whoever calls decides what to do then.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._tls_context = settings.tls_context()
        self._idle: deque[SmtpSession] = deque()
        self._leaving: list[SmtpSession] = []
        self._slots = BoundedSemaphore(MAX_CONNECTIONS)
        self.breaker = Breaker(FAILURES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._trouble = Event()
        self._why = ""
        metrics.show_semaphore("smtp", MAX_CONNECTIONS, self._slots)

    def send(self, envelope: Envelope) -> None:
        """Hand a mail over; it returns once the server has accepted it."""
        with self._slot(), _timed(), tracing.below("smtp send", tracing.current.get()):
            try:
                self._deliver(self._idle_session() or self._new_session(), envelope)
            except HungUp:
                self._deliver(self._new_session(), envelope)

    def check(self) -> None:
        """Connect and greet, within 1.5 s in all; the account is not tried, as that wears providers out."""
        late = TemporaryFailure("smtp_timeout", "the mail server did not answer in time")
        with eventlet.Timeout(CHECK_SECONDS, late):
            SmtpSession.open(self.settings, self._tls_context, login=False).close()
        self._part_from_stale()
        self._say_goodbye()

    def await_trouble(self) -> str:
        """Return as soon as the server is left alone: why the last connection to it could not be made."""
        while self.breaker.is_closed:
            self._trouble = Event()
            self._trouble.wait()
        return self._why

    def try_again(self) -> bool:
        """Make a connection if the pause is over; whether the server is there."""
        if not self.breaker.is_closed and self.breaker.allows():
            try:
                self._keep_or_part(self._connect())
            except (TemporaryFailure, PermanentFailure):
                return False
            self._say_goodbye()
        return self.breaker.is_closed

    def close(self) -> None:
        """Hang up all idle connections."""
        while self._idle:
            self._leaving.append(self._idle.pop())
        self._say_goodbye()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Servers allow few connections at a time: more mails wait for their turn, though not for ever."""
        if not self._slots.acquire(timeout=self.settings.accept_timeout):
            raise Postponed("smtp_busy", "all connections to the mail server are taken", BUSY_SECONDS)
        try:
            yield
        finally:
            if self._leaving:
                eventlet.spawn_n(self._say_goodbye_and_release)
            else:
                self._slots.release()

    def _deliver(self, session: SmtpSession, envelope: Envelope) -> None:
        try:
            session.deliver(envelope)
        finally:
            self._keep_or_part(session)

    def _new_session(self) -> SmtpSession:
        if self.breaker.is_closed:
            try:
                return self._connect()
            except TemporaryFailure as failure:
                if self.breaker.is_closed:
                    raise
                raise self._paused() from failure
        raise self._paused()

    def _connect(self) -> SmtpSession:
        try:
            session = SmtpSession.open(self.settings, self._tls_context)
        except BaseException as problem:
            self._why = str(problem) or type(problem).__name__
            # A time-out of the caller's is a failure as well: the server is silent.
            self.breaker.failed()
            if not self.breaker.is_closed and not self._trouble.ready():
                self._trouble.send()
            raise
        self.breaker.succeeded()
        return session

    def _paused(self) -> Postponed:
        seconds = max(BUSY_SECONDS, self.breaker.retry_after)
        return Postponed("smtp_paused", "the mail server is not there", seconds)

    def _idle_session(self) -> SmtpSession | None:
        """A server hangs up on an idle connection when it likes: it is asked, unless it was used just now."""
        while self._idle:
            session = self._idle.pop()
            if session.is_fresh or (not _is_stale(session) and session.is_alive()):
                return session
            session.close()
        return None

    def _keep_or_part(self, session: SmtpSession) -> None:
        """Nothing here waits for the server: it may have taken a mail, which its caller is to note first."""
        if session.reusable and session.mails < MAX_MAILS_PER_CONNECTION:
            self._idle.append(session)
        else:
            self._leaving.append(session)
        self._part_from_stale()

    def _part_from_stale(self) -> None:
        """The oldest stand at the left: they were used least recently."""
        while self._idle and _is_stale(self._idle[0]):
            self._leaving.append(self._idle.popleft())

    def _say_goodbye(self) -> None:
        while self._leaving:
            self._leaving.pop().close()

    def _say_goodbye_and_release(self) -> None:
        """In a green thread of its own, which keeps the slot: a connection that is left counts until then."""
        try:
            self._say_goodbye()
        finally:
            self._slots.release()


@contextmanager
def _timed() -> Iterator[None]:
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "sent"
    finally:
        metrics.mail_seconds(outcome).observe(time.perf_counter() - started)


def _is_stale(session: SmtpSession) -> bool:
    return time.monotonic() - session.last_used > MAX_IDLE_SECONDS
