"""One conversation with the SMTP server: connected, encrypted, logged in, a mail after another.

The steps are taken one by one, not by `smtplib.sendmail`, since what a lost
connection means depends on the step: before the end of the data nothing can have
been delivered; after it nobody knows. A server that offers `PIPELINING` gets the
commands before the data in one write (RFC 2920), which makes two round trips of four.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

import eventlet

from common.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from services.notifications.smtp_failures import connection_failure, reply_failure, reply_text
from services.notifications.smtp_settings import SmtpSettings

_DRIVER_ERRORS = (OSError, ValueError, EOFError)
_END_OF_DATA = b".\r\n"
_GOODBYE_SECONDS = 1.0
_FRESH_SECONDS = 0.5
_GOING_AWAY = "421"


@dataclass(frozen=True)
class Envelope:
    """What goes over the wire for one mail; `payload` ends in a line break."""

    sender: str
    recipient: str
    payload: bytes
    utf8: bool = False


class Command(NamedTuple):
    """What stands before the data: the stage it belongs to, and the code by which a server agrees."""

    stage: str
    line: str
    expected: int = 250


class SmtpSession:
    """A connection that has greeted; every failure is a Temporary- or a PermanentFailure."""

    def __init__(self, smtp: smtplib.SMTP, settings: SmtpSettings) -> None:
        self._smtp = smtp
        self._settings = settings
        self._in_order = self._is_clean = True
        self.mails = 0
        self.last_used = time.monotonic()

    @classmethod
    def open(cls, settings: SmtpSettings, context: ssl.SSLContext | None, *, login: bool = True) -> Self:
        """Connect, encrypt and greet; and log in where there is a password."""
        with _stage("connect"):
            smtp = _connect(settings, context)
        try:
            _prepare(smtp, settings, context, login=login)
        except BaseException:
            smtp.close()
            raise
        return cls(smtp, settings)

    @property
    def reusable(self) -> bool:
        """Say whether another mail can follow: connected, and the last one came to an orderly end."""
        return self._in_order and self._smtp.sock is not None

    def is_alive(self) -> bool:
        """Ask the server, and clear what a refused mail has left behind."""
        try:
            self._is_clean = self._smtp.rset()[0] == 250
        except _DRIVER_ERRORS:
            return False
        return self._is_clean

    @property
    def is_fresh(self) -> bool:
        """Whether it has taken a mail just now, so that asking it first would be a waste."""
        return self._is_clean and time.monotonic() - self.last_used < _FRESH_SECONDS

    def deliver(self, envelope: Envelope) -> None:
        """Hand one mail over; it returns once the server has accepted the responsibility for it."""
        self._in_order = self._is_clean = False
        try:
            self._begin(envelope)
            self._hand_over(envelope.payload)
        except _Refused as refused:
            self._in_order = True
            raise refused.failure from None
        self._in_order = self._is_clean = True
        self.mails += 1
        self.last_used = time.monotonic()

    def close(self) -> None:
        """Say goodbye and hang up."""
        with suppress(*_DRIVER_ERRORS):
            if self.reusable:
                self._set_timeout(_GOODBYE_SECONDS)
                self._smtp.quit()
        with suppress(*_DRIVER_ERRORS):
            self._smtp.close()

    def _begin(self, envelope: Envelope) -> None:
        commands = self._commands(envelope)
        for group in [commands] if self._smtp.has_extn("pipelining") else [[one] for one in commands]:
            self._ask(group)

    def _ask(self, group: list[Command]) -> None:
        """Send commands in one write. Each has its answer, also what follows one that is refused."""
        stage, answered = group[0].stage, 0
        try:
            self._send(group)
            for stage, _, expected in group:
                answered += 1
                _expect(expected, stage, *self._reply(stage))
        except (TemporaryFailure, _Refused) as problem:
            self._raise_if_gone(stage, problem)
            if isinstance(problem, _Refused):
                self._read_on(group[answered:], problem.failure)
            raise

    def _read_on(self, group: list[Command], refusal: DeliveryFailure) -> None:
        """Read what is still answered, so that another mail can follow: all of it should be refused as well.

        A server that waits for a text in spite of that is left alone with it, without an end of the data.
        """
        try:
            answers = [self._reply(command.stage)[0] for command in group]
        except DeliveryFailure:
            raise refusal from None
        if not all(400 <= code < 600 for code in answers):
            raise refusal

    def _commands(self, envelope: Envelope) -> list[Command]:
        options = self._options(envelope)
        return [
            Command("sender", f"MAIL FROM:<{envelope.sender}>{options}"),
            Command("recipient", f"RCPT TO:<{envelope.recipient}>"),
            Command("content", "DATA", 354),
        ]

    def _raise_if_gone(self, stage: str, problem: "TemporaryFailure | _Refused") -> None:
        """A server may have hung up since the last mail, or do so now: it has got nothing of this one."""
        failure = problem.failure if isinstance(problem, _Refused) else problem
        has_gone = failure.reason == "smtp_connection_lost" or failure.message.startswith(_GOING_AWAY)
        if stage == "sender" and self.mails and has_gone:
            raise HungUp from problem

    def _options(self, envelope: Envelope) -> str:
        self._smtp.command_encoding = "ascii"
        size = f" SIZE={len(envelope.payload)}" if self._smtp.has_extn("size") else ""
        if not envelope.utf8:
            return size
        if not self._smtp.has_extn("smtputf8"):
            raise _Refused(PermanentFailure("smtputf8_unsupported", "the server takes ASCII addresses only"))
        self._smtp.command_encoding = "utf-8"
        return f"{size} BODY=8BITMIME SMTPUTF8"

    def _send(self, group: list[Command]) -> None:
        with _stage(group[0].stage):
            if not all(command.line.isprintable() for command in group):
                raise ValueError("a command is one line")
            self._smtp.send("".join(f"{command.line}\r\n" for command in group))

    def _reply(self, stage: str) -> tuple[int, bytes]:
        try:
            return self._smtp.getreply()
        except _DRIVER_ERRORS as error:
            raise connection_failure(stage, error) from error

    def _hand_over(self, payload: bytes) -> None:
        """A send that fails has not sent the end of the data: no server delivers a mail without it."""
        with _stage("content"):
            self._smtp.send(_dots_doubled(payload) + _END_OF_DATA)
        self._set_timeout(self._settings.accept_timeout)
        code, reply = self._answer_to_data()
        self._set_timeout(self._settings.timeout)
        _expect(250, "content", code, reply)

    def _answer_to_data(self) -> tuple[int, bytes]:
        """The server may have the mail now: no silence and no time limit says otherwise."""
        try:
            code, reply = self._smtp.getreply()
        except (*_DRIVER_ERRORS, DeliveryFailure, eventlet.Timeout) as error:
            raise TemporaryFailure("smtp_unknown_outcome", "no answer came to the whole mail") from error
        if not 200 <= code < 600:
            raise TemporaryFailure("smtp_unknown_outcome", f"no SMTP answer came: {reply_text(reply)}")
        return code, reply

    def _set_timeout(self, seconds: float) -> None:
        if self._smtp.sock is not None:
            self._smtp.sock.settimeout(seconds)


class HungUp(Exception):
    """The server has closed the connection between two mails: the next needs another one."""


class _Refused(Exception):
    """The server said no in good order: the connection can go on with the next mail."""

    def __init__(self, failure: DeliveryFailure) -> None:
        super().__init__(failure)
        self.failure = failure


def _expect(expected: int, stage: str, code: int, reply: bytes) -> None:
    """2xx and the code that a command asks for go on; an answer that is no refusal ends the conversation."""
    if code == expected or (expected == 250 and 200 <= code < 300):
        return
    failure = reply_failure(stage, code, reply)
    raise _Refused(failure) if 400 <= code < 600 else failure


def _dots_doubled(payload: bytes) -> bytes:
    """A line that begins with a dot gets one more (RFC 5321, 4.5.2)."""
    doubled = payload.replace(b"\n.", b"\n..")
    return b"." + doubled if doubled.startswith(b".") else doubled


@contextmanager
def _stage(stage: str) -> Iterator[None]:
    """The door: a driver's errors come out of it as failures."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        raise connection_failure(stage, error) from error


def _connect(settings: SmtpSettings, context: ssl.SSLContext | None) -> smtplib.SMTP:
    host, port, own_name, wait = settings.host, settings.port, _own_name(), settings.timeout
    if settings.tls == "tls":
        return smtplib.SMTP_SSL(host, port, local_hostname=own_name, timeout=wait, context=context)
    return smtplib.SMTP(host, port, local_hostname=own_name, timeout=wait)


def _prepare(
    smtp: smtplib.SMTP, settings: SmtpSettings, context: ssl.SSLContext | None, *, login: bool
) -> None:
    with _stage("connect"):
        smtp.ehlo_or_helo_if_needed()
    if settings.tls == "starttls":
        with _stage("tls"):
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
    if login and settings.user and settings.password:
        with _stage("auth"):
            smtp.login(settings.user, settings.password)


def _own_name() -> str:
    """smtplib would ask the DNS for this host's name, without a time limit."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"
