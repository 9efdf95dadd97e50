"""Clients who call without pause over connections that they keep or not, and what became of each call.

A status is not all: whether a connection was refused, reset or closed in order is told apart, which a
client library hides.
"""

import json
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

import eventlet
from urllib3.util import wait_for_read

_SECONDS = 20
_BREATH_SECONDS = 0.1
_LONGEST_NAME = 40
IN_FLIGHT = "idempotency_key_in_flight"


@dataclass
class Tally:
    """What became of all calls; ``moment`` is what happens now, and goes into each failure's name."""

    moment: str = "before"
    gateway_dies: bool = False
    """From the kill of a gateway on: its connections are lost with it, and their calls made once more."""
    calls: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    lost_with_gateway: int = 0
    still_in_flight: int = 0
    """Calls with a key, made again, whose first was not over: they are made until it is."""
    closed_in_order: int = 0
    slowest: float = 0.0

    def fail(self, call: str, what: str) -> None:
        """Count a failure."""
        self.failures[f"{self.moment}: {call}: {what}"] += 1

    def __str__(self) -> str:
        parts = (
            f"{self.calls.total()} calls, slowest {self.slowest:.2f} s",
            f"{self.lost_with_gateway} lost with a killed gateway and made again",
            f"{self.still_in_flight} of them told that the first was still in flight",
            f"{self.closed_in_order} connections closed in order",
            f"{self.failures.total()} failures {dict(self.failures)}",
        )
        return "; ".join(parts)


class Visitor:
    """One client: an address, who it is, and a connection that it keeps if it ``keeps`` connections."""

    def __init__(self, url: str, token: str, tally: Tally, keeps: bool) -> None:
        self.tally = tally
        self.keeps = keeps
        self._token = token
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._connection: HTTPConnection | None = None

    def call(self, method: str, path: str, body: Any = None, expected: int = 200, key: str = "") -> Any:
        """The answer's JSON; None, and a failure counted, if it has another status or does not come."""
        began = time.monotonic()
        call = f"{method} {path[:_LONGEST_NAME]}"
        headers = {"Idempotency-Key": key} if key else {}
        self.tally.calls[method] += 1
        try:
            status, answer = self._in_spite_of_a_kill(method, path, body, headers)
        except (OSError, HTTPException) as problem:
            self._hang_up()
            self.tally.fail(call, _kind(problem))
            return None
        finally:
            self.tally.slowest = max(self.tally.slowest, time.monotonic() - began)
        if status != expected:
            self.tally.fail(call, f"{status} {_told(answer)}")
            return None
        return answer

    def _in_spite_of_a_kill(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, Any]:
        try:
            return self._once(method, path, body, headers)
        except (OSError, HTTPException):
            self._hang_up()
            if not self.tally.gateway_dies:
                raise
            self.tally.lost_with_gateway += 1
        return self._once_more(method, path, body, headers)

    def _once_more(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        """With the patience of a client library, and what the contract says of calls that are made again."""
        eventlet.sleep(_BREATH_SECONDS)
        status, answer = self._once(method, path, body, headers)
        if status == 409 and answer.get("code") == IN_FLIGHT:
            self.tally.still_in_flight += 1
            return self._once_more(method, path, body, headers)
        return (204 if method == "DELETE" and status == 404 else status), answer

    def _once(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        connection = self._connected()
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        connection.request(method, path, data, headers)
        answer: HTTPResponse = connection.getresponse()
        content = answer.read()
        if connection.sock is None:
            self.tally.closed_in_order += self.keeps
        if connection.sock is None or not self.keeps:
            self._hang_up()
        return answer.status, json.loads(content) if content else None

    def _connected(self) -> HTTPConnection:
        # What can be read between two requests is the connection's end.
        if self._connection is not None and wait_for_read(self._connection.sock, 0.0):
            self._hang_up()
        if self._connection is None:
            self._connection = HTTPConnection(self._host, self._port, timeout=_SECONDS)
            self._connection.connect()
        return self._connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _told(answer: Any) -> str:
    """A problem's code, or what fails in a report on health."""
    if not isinstance(answer, dict) or "services" not in answer:
        return answer.get("code", "") if isinstance(answer, dict) else ""
    failing = {name: one for name, one in answer["services"].items() if one["status"] == "fail"}
    return ", ".join(f"{name} ({_reasons(one)})" for name, one in failing.items())


def _reasons(service: dict[str, Any]) -> str:
    parts = service["dependencies"].items()
    failing = {name: one.get("detail", "") for name, one in parts if one["status"] == "fail"}
    return f"{failing or service.get('detail')}"


def _kind(problem: Exception) -> str:
    if isinstance(problem, ConnectionRefusedError):
        return "connection refused"
    return "no answer in time" if isinstance(problem, socket.timeout) else f"lost: {problem!r}"
