"""Events handled together: what has come in while the last batch was being handled makes the next one.

An event that finds nothing going on is a batch of one, at once. What comes within a tenth of a second after
a batch waits for the end of these, so that under load batches grow, up to ``AT_ONCE``; and a batch costs
hardly more than an event: one query, one write, one acknowledgement.

The method named by ``together`` takes the kind of event and a list of payloads, and returns those that it
leaves. These are handled one by one by the entrypoint's own method, and so are all of a batch that fails:
retries, attempts and dead letters are always a single event's, and what is wrong with one costs the others
no attempt. The method must bear to see an event again, as a handler must. Of one queue one batch is being
handled at a time, in the order of the queue.
"""

from collections import deque
from functools import partial
from itertools import islice
from typing import Any

import eventlet
from eventlet.event import Event
from kombu.message import Message as Received
from nameko.containers import WorkerContext
from nameko.exceptions import ContainerBeingKilled

from common import metrics, tracing
from common.entrypoint_log import IDS
from common.events import TRACEPARENT, TRACESTATE, age
from common.told import ids_of

AT_ONCE = 100
"""The largest batch."""
PREFETCH = 4 * AT_ONCE
"""How many messages of a queue a process takes from the broker: a batch, what gathers meanwhile, and what is
under way while a batch is acknowledged and the broker sends as many again."""
_ENOUGH, _PAUSE_SECONDS = 20, 0.1
"""What follows a batch waits so long for company, unless there is enough of it."""
Payload = dict[str, Any]


class Together:
    """Stands for the entrypoint in a worker that handles a batch."""

    kind = "event"

    def __init__(self, method_name: str, shown_as: str) -> None:
        self.method_name = method_name
        self.shown_as = shown_as


class Gathering:
    """The messages of one handler's queue that wait for the batch that is being handled."""

    def __init__(self, handler: Any, method: str) -> None:
        self._handler = handler
        self._entrypoint = Together(method, handler.method_name)
        self._waiting: deque[Received] = deque()
        self._is_busy = False
        self._pause: Event | None = None

    def add(self, message: Received) -> None:
        """Take one in; returns at once."""
        self._waiting.append(message)
        if not self._is_busy:
            self._is_busy = True
            self._spawn(self._work)
        elif self._pause is not None and len(self._waiting) >= AT_ONCE and not self._pause.ready():
            self._pause.send()

    def forget(self) -> None:
        """Begin with no more of them."""
        self._waiting.clear()

    def _work(self) -> None:
        try:
            while self._waiting:
                self._handle([self._waiting.popleft() for _ in islice(range(AT_ONCE), len(self._waiting))])
                if len(self._waiting) < _ENOUGH:
                    self._await_company()
        finally:
            self._is_busy = False

    def _await_company(self) -> None:
        """Until the pause is over, or nothing more could join: then it was the broker that came late."""
        self._pause = Event()
        with eventlet.Timeout(_PAUSE_SECONDS, False):
            self._pause.wait()
        self._pause = None

    def _handle(self, messages: list[Received]) -> None:
        read = [(message, self._handler.read(message)) for message in messages]
        batch = [(message, event) for message, event in read if event is not None]
        if not batch:
            return
        events = [event for _, event in batch]
        arguments, data = (self._handler.event, events), {"events": len(events), IDS: ids_of(events)}
        metrics.event_delay(self._handler.event.name).observe(age(events[0]))
        spans = self._begin_spans(events) if tracing.recorder.is_on else ()
        try:
            self._handler.container.run_worker_when_there_is_room(
                self._entrypoint, arguments, data, partial(self._settle, batch)
            )
        except ContainerBeingKilled:
            for message, _ in batch:
                self._handler.queue_consumer.requeue_message(message)
        for span in spans:
            span.end()

    def _begin_spans(self, events: list[Payload]) -> list[tracing.Span]:
        """A span for each event that belongs to a trace; what comes of the event belongs below it."""
        name = f"{self._handler.container.service_name}.{self._handler.method_name}"
        spans, told = [], {"suite.batch": len(events)}
        for event in events:
            if parent := event.get(TRACEPARENT):
                state = event.get(TRACESTATE, "")
                spans.append(tracing.recorder.begin(name, tracing.CONSUMER, parent, told, state))
                event[TRACEPARENT] = spans[-1].traceparent
        return spans

    def _settle(
        self, batch: list[tuple[Received, Payload]], worker_ctx: WorkerContext, result: Any, exc_info: Any
    ) -> tuple[Any, Any]:
        """Acknowledge what is done, all at once; begin with the others one by one."""
        left = {id(event) for event in (result or ())} if exc_info is None else {id(one) for _, one in batch}
        done = [message for message, event in batch if id(event) not in left]
        if done:
            metrics.event_handled(self._handler.event.name, "handled").inc(len(done))
            self._handler.queue_consumer.ack_message(*done)
        for message, event in batch:
            if id(event) in left:
                self._spawn(partial(self._handler.handle_alone, event, message))
        return result, exc_info

    def _spawn(self, work: Any) -> None:
        self._handler.container.spawn_managed_thread(work, identifier=self._handler.queue.name)
