"""How a process hears of ended sessions: a queue of its own for ``session_revoked``, and the live list.

Three kinds of messages come out of that queue, in the order in which the broker took them:

* ``session_revoked`` events, broadcast to every process;
* the list of the sessions that have ended, the answer of the user service. It is asked for when the queue
  is new: at the start, and when the broker has dropped the queue because this process was away for long;
* marks that this process sends to itself. Events that were published before a mark have been read when the
  mark is read, so the knowledge is as old as the last mark, whatever part of the way has failed.

The queue outlives a short disconnect, and then nothing is asked: events go on while the user service is down.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

import eventlet
from amqp.exceptions import NotFound
from kombu import Connection, Exchange, Queue, binding
from kombu.message import Message as Received
from nameko.extensions import SharedExtension
from nameko.rpc import get_rpc_exchange

from common import clock, context, events, metrics, pace
from common.broker import TRANSIENT, ConfirmedPublisher, Message, PublishFailed
from common.consumer import QueueConsumer
from common.logging import get_logger
from common.revocations import MARGIN_SECONDS, RevokedSessions
from common.transport import codec

log = get_logger()
MARK_SECONDS = 2.0
QUEUE_LIFETIME_MS = 300_000
"""How long the broker keeps the queue of a process that is away."""
_ASK_SECONDS = 2.0
_HASTE_SECONDS = 0.25
_PUBLISH_SECONDS = 5.0
_NONE: dict[str, str] = {}
_PROPERTIES = {
    "content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": TRANSIENT,
    "expiration": str(round(_ASK_SECONDS * 1000)),
}  # fmt: skip


class OwnPublisher(ConfirmedPublisher):
    """A connection for marks and questions alone: events that are under way do not keep them waiting."""


class RevocationFeed(SharedExtension):
    """Keeps :attr:`known` current for as long as the process runs."""

    queue_consumer = QueueConsumer()
    publisher = OwnPublisher()
    known: RevokedSessions
    proof: Callable[[], str]
    """Gives the token that shows to the user service that a service is asking."""

    def setup(self) -> None:
        """Name the queue; it is declared with each connection."""
        config = self.container.config
        lifetime = clock.parse_duration(config["JWT_EXPIRES_IN"]).total_seconds()
        self.known = RevokedSessions(lifetime + MARGIN_SECONDS)
        metrics.REVOCATIONS_CURRENT.set_function(lambda: float(self.known.is_current))
        self._own_key = str(uuid.uuid4())
        self._question = ""
        self._asked_at = 0.0
        self._began_at = 0.0
        announced = Exchange(f"{events.SESSION_REVOKED.source}.events", type="topic", durable=True)
        self.queue = Queue(
            f"revocations-{self.container.service_name}-{self._own_key}",
            bindings=[
                binding(announced, routing_key=events.SESSION_REVOKED.name),
                binding(get_rpc_exchange(config), routing_key=self._own_key),
            ],
            durable=True,
            queue_arguments={"x-expires": QUEUE_LIFETIME_MS},
        )
        self.queue_consumer.register_provider(self)

    def start(self) -> None:
        """Begin to ask and to mark."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier="revocation_feed")

    def stop(self) -> None:
        """Stop consuming."""
        self._thread.kill()
        self.queue_consumer.unregister_provider(self)

    def before_consuming(self, connection: Connection) -> None:
        """Called with each new connection: find out whether the broker still has the queue."""
        channel = connection.channel()
        try:
            channel.queue_declare(self.queue.name, passive=True)
            channel.close()
        except NotFound:
            self._start_over()

    def handle_message(self, body: Any, message: Received) -> None:
        """Take in an event, a part of the list, or a mark."""
        if message.delivery_info["routing_key"] == events.SESSION_REVOKED.name:
            self._take_event(body)
        elif self._question and message.properties.get("correlation_id") == self._question:
            self._take_list(body)
        elif isinstance(body, float):
            self.known.confirm(body)
        self.queue_consumer.ack_message(message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """It may have been an event: load the list, which knows."""
        log.error("revocation_undecodable", error=str(exc))
        self.queue_consumer.ack_message(message)
        self._start_over()

    def _take_event(self, event: Any) -> None:
        problem = events.SESSION_REVOKED.problem(event)
        if problem:
            log.error("revocation_malformed", problem=problem)
            self._start_over()
            return
        self.known.add(map(str, event["session_ids"]), event.get("kept_until"))
        log.debug("sessions_revoked", count=len(event["session_ids"]))

    def _take_list(self, answer: Any) -> None:
        found = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(found, dict) or not isinstance(found.get("session_ids"), list):
            log.warning("revocations_not_loaded", error=str(answer)[:200])
            return  # asked again when the time for an answer is over
        self.known.add(map(str, found["session_ids"]), found.get("kept_until"))
        if found.get("next"):
            self._ask(found["next"])
            return
        self._question = ""
        self.known.complete(self._began_at)
        log.info("revocations_loaded", sessions=len(self.known))

    def _start_over(self) -> None:
        # An answer to an earlier question does not know what was missed since, so it counts no more.
        self._question = ""
        self.known.lose()

    def _run(self) -> None:
        while True:
            is_told = self.queue_consumer.connected and self._mark_or_ask()
            settled = is_told and self.known.is_complete and self.known.is_current
            pace.sleep_until_next(MARK_SECONDS if settled else _HASTE_SECONDS)

    def _mark_or_ask(self) -> bool:
        """Whether the broker has taken what was to be said now; a connection that is lost shows only then."""
        now = time.monotonic()
        if self.known.is_complete:
            return self._publish("", self.queue.name, now)
        if not self._question or now - self._asked_at > _ASK_SECONDS:
            self._began_at = now
            self._ask("")
        return True

    def _ask(self, after: str) -> None:
        self._question, self._asked_at = str(uuid.uuid4()), time.monotonic()
        self.call_users("revoked_sessions", {"after": after}, self._question)

    def call_users(self, method: str, arguments: dict[str, Any], question: str = "") -> None:
        """Call the user service; the answer comes into this queue, and counts if it is to the question."""
        headers = {
            f"nameko.{context.SERVICE_TOKEN}": self.proof(),
            f"nameko.{context.REQUEST_ID}": f"revocations-{self._own_key}",
        }
        self._publish(
            get_rpc_exchange(self.container.config).name, f"users.{method}",
            {"args": [], "kwargs": arguments}, headers,
            reply_to=self._own_key, correlation_id=question or str(uuid.uuid4()),
        )  # fmt: skip

    def _publish(
        self, exchange: str, routing_key: str, payload: Any, headers: dict[str, str] = _NONE, **more: str
    ) -> bool:
        properties = {**_PROPERTIES, **more}
        message = Message(exchange, routing_key, codec.dumps(payload), headers, properties)
        try:
            with eventlet.Timeout(_PUBLISH_SECONDS, PublishFailed("no confirm in time")):
                self.publisher.publish([message])
        except PublishFailed as problem:
            log.debug("revocation_message_lost", error=str(problem))
            return False
        return True
