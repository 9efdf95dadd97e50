"""A service that can be called in all ways, one that calls it, and calls made by hand."""

import json
import time
import uuid
from typing import Any

import eventlet
from eventlet.event import Event
from kombu import Exchange, Queue

from common import context, errors
from common.identity import Allow, Caller
from common.rpc import Repeated, Service, rpc
from tests.integration.running import Wire


class Target:
    """Answers, fails, crashes, sleeps."""

    name = "target"
    caller: Any = Caller()
    executed: list[str] = []

    @rpc(allow=Allow.PUBLIC)
    def echo(self, value: Any) -> Any:
        return value

    @rpc(allow=Allow.PUBLIC)
    def sleep(self, seconds: float, mark: str) -> str:
        self.executed.append(mark)
        eventlet.sleep(seconds)
        return mark

    @rpc(allow=Allow.PUBLIC)
    def fail(self, word: str, code: str = "a_word") -> None:
        raise getattr(errors, word)(code, "A sentence.", {"field": ["One.", "Two."]})

    @rpc(allow=Allow.PUBLIC)
    def crash(self) -> None:
        raise ValueError("the password is sesame at 10.0.0.1")

    @rpc(allow=Allow.PUBLIC)
    def odd(self) -> Any:
        return object()

    @rpc(allow=Allow.USER)
    def who(self) -> Any:
        return self.caller.user_id

    @rpc(allow=Allow.ADMIN)
    def rule(self) -> str:
        return "ruled"

    @rpc(allow=Allow.SERVICE)
    def inner(self) -> str:
        return "in"


class Narrow:
    """Has places for two, who wait until they are let go; nobody needs one to look at it."""

    name = "narrow"
    go_on = Event()
    begun: list[int] = []

    @rpc(allow=Allow.PUBLIC)
    def wait(self, number: int) -> int:
        self.begun.append(number)
        self.go_on.wait()
        return number

    @rpc(allow=Allow.PUBLIC, pooled=False)
    def look(self) -> int:
        if len(self.begun) > 5:
            raise errors.Conflict("crowded", "There are too many.")
        return len(self.begun)


class Middle:
    """Calls the target on behalf of who calls it."""

    name = "middle"
    target: Any = Service("target", deadline=5)
    trusted: Any = Service("target", as_service=True)
    silent: Any = Service("silent", deadline=0.3)
    nobody: Any = Service("nobody")
    caller: Any = Caller()

    @rpc(allow=Allow.USER)
    def who(self) -> Any:
        return [self.caller.user_id, self.target.who()]

    @rpc(allow=Allow.PUBLIC)
    def inner(self, trusted: bool) -> Any:
        return (self.trusted if trusted else self.target).inner()

    @rpc(allow=Allow.PUBLIC)
    def slow(self, seconds: float) -> Any:
        return self.target.sleep(seconds=seconds, mark="behind")


class Again:
    """Tells whether a call may have been carried out before."""

    name = "again"
    is_repeated: Any = Repeated()

    @rpc(allow=Allow.PUBLIC, idempotent=True)
    def read(self) -> Any:
        return self.is_repeated

    @rpc(allow=Allow.PUBLIC)
    def change(self) -> Any:
        return self.is_repeated


def in_seconds(seconds: float) -> dict[str, str]:
    """The context of a call whose deadline is then."""
    return {context.DEADLINE: repr(time.time() + seconds)}


class Mailbox:
    """A reply queue of our own, for calls that no client would send."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.name = wire, f"reply-{uuid.uuid4()}"
        exchange = Exchange("nameko-rpc", type="topic", durable=True)
        Queue(self.name, exchange, routing_key=self.name, auto_delete=True)(wire.channel).declare()

    def ask(self, body: Any, method: str = "echo", headers: Any = None, **properties: Any) -> Any:
        """Send what we like; the answer's ``error`` or ``result``."""
        usual = {"reply_to": self.name, "correlation_id": "c-1", **properties}
        self.wire.send(body, f"target.{method}", "nameko-rpc", headers, **usual)
        return self.answer()

    def answer(self) -> Any:
        """The next answer."""
        message = self.wire.take(self.name)
        assert message.properties["correlation_id"] == "c-1"
        return json.loads(message.body)
