"""The transactional outbox: an event is stored with the change that it announces, then published.

A service writes the event in the same transaction (PostgreSQL) or the same document (MongoDB) as the
change. The relay of each instance publishes what is stored: at once when it is woken after a commit,
and from the store a little later if that process has died meanwhile. The broker's confirm comes
before the entry is removed, so an event may be published twice and never not at all; its ``event_id``
lets consumers tell. The entries of one aggregate are published in their order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

import eventlet
from eventlet.queue import Empty, Full, LightQueue
from eventlet.semaphore import Semaphore
from nameko.extensions import SharedExtension

from common import clock, context, events, metrics, pace, told, tracing
from common.broker import ConfirmedPublisher, Message, PublishFailed
from common.errors import SuiteError
from common.health import Unwell
from common.logging import get_logger
from common.topology import Topology
from common.transport import codec

log = get_logger()
POLL_SECONDS = 2.0
_RETRY_SECONDS = 1.0
_PAUSE_SECONDS, _LONGEST_PAUSE, _MANY, _ENOUGH = 0.1, 0.3, 15, 100
"""What follows a publication waits so long for company, and longer where the last one had many entries: what
a batch costs whatever its size, here and with all who handle it, is then shared by more. Where enough share
it already, waiting longer would only hold up a backlog."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in an outbox: which one, and its payload (envelope included)."""

    source: str
    name: str
    payload: dict[str, Any]

    @property
    def event_id(self) -> str:
        """The id that stays the same however often the entry is published."""
        return str(self.payload["event_id"])


Publish = Callable[[Sequence[Entry]], None]
_TOO_LONG_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Lag:
    """How many changes wait for their events to be published, and since when the oldest."""

    pending: int
    oldest: datetime | None

    @property
    def seconds(self) -> float:
        """How long the oldest has waited."""
        return (clock.now() - self.oldest).total_seconds() if self.oldest else 0.0

    def report(self) -> str:
        """In words, and in the metrics; Unwell if it is too long."""
        metrics.OUTBOX_PENDING.set(self.pending)
        metrics.OUTBOX_OLDEST_SECONDS.set(self.seconds)
        if self.seconds > _TOO_LONG_SECONDS:
            raise Unwell(f"{self.pending} wait to be published, the oldest for {self.seconds:.0f} s")
        return f"{self.pending} wait to be published"


class Store(Protocol):
    """Where entries lie. ``drain`` hands some to ``publish``, removes them, and tells how many."""

    @property
    def has_more(self) -> bool:
        """Whether the last batch has left something that can be published at once."""

    def drain(self, publish: Publish) -> int:
        """Publish a batch; 0 when there is nothing to do. Entries stay if ``publish`` raises."""

    def lag(self) -> Lag:
        """How much waits, and since when."""


class Relay(SharedExtension):
    """Publishes a store's entries; one in every process that owns a store."""

    publisher = ConfirmedPublisher()
    topology = Topology()

    def __init__(self) -> None:
        super().__init__()
        self._wake: LightQueue = LightQueue(1)
        self._store: Store | None = None
        self._stopping = False
        self._published = 0
        self._turn = Semaphore(1)

    def attach(self, store: Store) -> None:
        """Say whose entries to publish; called in the storage provider's ``setup``."""
        self._store = store

    def start(self) -> None:
        """Begin to publish."""
        self.container.spawn_managed_thread(self._run, identifier="outbox_relay")

    def wake(self) -> None:
        """Say that something was committed; returns at once."""
        try:
            self._wake.put_nowait(None)
        except Full:
            pass  # it is awake already

    def publish_now(self, seconds: float) -> None:
        """Publish before the caller goes on; what takes longer goes on without it."""
        drained = eventlet.spawn(self._drain_in_turn)
        with eventlet.Timeout(seconds, False):
            drained.wait()

    def finish(self) -> None:
        """Publish what is left before the process ends; what fails is published by another, or later."""
        self._stopping = True
        self.wake()
        with self._turn:
            self._drain_all()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._wake.get(timeout=pace.until_next(POLL_SECONDS))
            except Empty:
                pass
            self._published = 0
            is_well = self._drain_in_turn()
            if self._published or not is_well:
                eventlet.sleep(pause_after(self._published) if is_well else _RETRY_SECONDS)

    def _drain_in_turn(self) -> bool:
        # finish() drains for the last time; the store may be closed by now
        with self._turn:
            return self._stopping or self._drain_all()

    def _drain_all(self) -> bool:
        try:
            while self._store is not None and self._store.drain(self._publish) and self._store.has_more:
                pass
        except PublishFailed as problem:
            log.warning("outbox_publish_failed", error=str(problem))
            return False
        except SuiteError as problem:
            log.warning("outbox_store_unavailable", error=str(problem))
            return False
        return True

    def _publish(self, entries: Sequence[Entry]) -> None:
        spans, entries = _traced(entries) if tracing.recorder.is_on else ((), entries)
        self.publisher.publish([to_message(entry) for entry in entries])
        self._published += len(entries)
        for span in spans:
            span.end()
        for name, those in groupby(sorted(entries, key=_name), key=_name):
            published = list(those)
            metrics.event_published(name).inc(len(published))
            for start in range(0, len(published), told.AT_ONCE):
                log.info(
                    "message_published", event_name=name, **_told(published[start : start + told.AT_ONCE])
                )


def pause_after(published: int) -> float:
    """The seconds until the next publication: what is stored meanwhile leaves in company."""
    if published >= _ENOUGH:
        return _PAUSE_SECONDS
    return min(_LONGEST_PAUSE, _PAUSE_SECONDS * max(1.0, published / _MANY))


def _traced(entries: Sequence[Entry]) -> tuple[list[tracing.Span], list[Entry]]:
    """Spans for those that belong to a trace, and the entries, which now belong below these."""
    spans: list[tracing.Span] = []
    traced: list[Entry] = []
    for entry in entries:
        payload = entry.payload
        if parent := payload.get(events.TRACEPARENT):
            state = payload.get(events.TRACESTATE, "")
            name = f"publish {entry.name}"
            spans.append(tracing.recorder.begin(name, tracing.PRODUCER, parent, state=state))
            payload = {**payload, events.TRACEPARENT: spans[-1].traceparent}
        traced.append(Entry(entry.source, entry.name, payload))
    return spans, traced


def _name(entry: Entry) -> str:
    return entry.name


def _told(entries: Sequence[Entry]) -> dict[str, Any]:
    """Which they are, for the log: one line tells of many that left together."""
    ids = told.ids_of([entry.payload for entry in entries])
    if len(entries) == 1:
        return {"event_id": entries[0].event_id, **ids}
    return {"events": len(entries), "event_ids": " ".join(entry.event_id for entry in entries), **ids}


def to_message(entry: Entry) -> Message:
    """The entry as Nameko's own dispatcher would send it, with the event's id as message id."""
    event = events.find(entry.source, entry.name)
    return Message(
        exchange=f"{entry.source}.events",
        routing_key=entry.name,
        body=codec.dumps(entry.payload),
        headers={
            f"nameko.{name}": entry.payload[name] for name in context.EVENT_KEYS if name in entry.payload
        },
        properties={
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "message_id": entry.event_id,
            "priority": event.priority(entry.payload) if event else 0,
        },
        mandatory=events.has_subscriber(entry.source, entry.name),
    )
