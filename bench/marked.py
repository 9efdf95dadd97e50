"""``python -m bench.marked todos FILE``: ``python -m ops.serve todos`` that marks moments of its requests.

Methods at the seams are wrapped before the service starts; production code knows nothing of it. Marks are
appended to a list and written to the file when the process ends.
"""

# First: it lets eventlet patch the standard library.
from ops import serve  # isort: skip

import functools
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_CALLS = 20_000
_now = time.monotonic_ns


class Seam(NamedTuple):
    """A method, and the mark that is made when it begins or when it has ended."""

    place: str
    method: str
    before: str = ""
    after: str = ""


SEAMS = {
    "gateway": (
        Seam("common.connection:Connection", "_read_request_line", after="line"),
        Seam("common.connection:Connection", "parse_request", after="head"),
        Seam("common.application:Application", "__call__", before="called", after="logged"),
        Seam("gateway.http:LimitedEntrypoint", "handle_request", before="routed"),
        Seam("gateway.http:LimitedEntrypoint", "admit", after="admitted"),
        Seam("common.container:SuiteContainer", "_worker_setup", after="began"),
        Seam("common.transport.calling:Calling", "_written", after="encoded"),
        Seam("common.transport.wire:Wire", "send", after="written"),
        Seam("common.transport.frames:Reader", "feed", before="reply"),
        Seam("common.transport.calling:Calling", "call", after="woken"),
        Seam("common.rpc_transports:FastTransport", "exchange", after="result"),
        Seam("common.http:HttpEntrypoint", "response_from_result", after="shown"),
        # Not after the write: by then the client may have sent its next request.
        Seam("eventlet.greenio:GreenSocket", "send", before="writing"),
    ),
    "todos": (
        Seam("common.transport.frames:Reader", "feed", before="read"),
        Seam("common.rpc_consumer:SafeRpcConsumer", "take", before="taken"),
        Seam("common.rpc:RpcEntrypoint", "handle_message", before="decoded"),
        Seam("common.identity:Tokens", "authorize", after="admitted"),
        Seam("common.container:SuiteContainer", "_worker_setup", after="began"),
        Seam("pymongo.synchronous.pool:Connection", "send_message", before="asking", after="asked"),
        Seam("pymongo.synchronous.pool:Connection", "receive_message", after="told"),
        Seam("common.rpc_consumer:SafeRpcConsumer", "handle_result", before="done"),
        Seam("common.transport.serving:Serving", "reply", before="encoded"),
        Seam("common.transport.wire:Wire", "send", after="replied"),
    ),
}


def main(name: str, path: str) -> int:
    """Run the service, marking; write the marks and what one costs when it ends; the exit code."""
    marks: list[tuple[str, int]] = []
    for seam in SEAMS[name]:
        install(seam, marks)
    code = serve.main([name])
    Path(path).write_text(json.dumps({"marks": marks, "mark_ns": cost()}))
    return code


def install(seam: Seam, marks: list[tuple[str, int]]) -> None:
    """Wrap the seam's method."""
    owner = owner_of(seam)
    setattr(owner, seam.method, marking(getattr(owner, seam.method), seam, marks))


def owner_of(seam: Seam) -> Any:
    """The class that has the method."""
    module, _, name = seam.place.partition(":")
    return getattr(importlib.import_module(module), name)


def marking(function: Callable[..., Any], seam: Seam, marks: list[tuple[str, int]]) -> Callable[..., Any]:
    """The same function, which marks when it begins and when it ends, by an exception as well."""
    before, after = seam.before, seam.after

    @functools.wraps(function)
    def marked(*args: Any, **kwargs: Any) -> Any:
        if before:
            marks.append((before, _now()))
        try:
            return function(*args, **kwargs)
        finally:
            if after:
                marks.append((after, _now()))

    return marked


def cost() -> float:
    """The nanoseconds that one mark takes, its wrapper included."""
    wrapped = marking(_nothing, Seam("", "", after="x"), [])
    return (_lasts(wrapped) - _lasts(_nothing)) / _CALLS


def _nothing() -> None:
    pass


def _lasts(function: Callable[[], Any]) -> int:
    began = _now()
    for _ in range(_CALLS):
        function()
    return _now() - began


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
