"""Which instances of which service there are, as their signs of life tell this gateway."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kombu import Queue
from kombu.message import Message as Received
from marshmallow import ValidationError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import clock
from common.consumer import QueueConsumer
from common.instances import LEFT, SILENT_SECONDS, Sign
from common.logging import get_logger
from common.topology import INSTANCES

log = get_logger()
SILENT = "silent"
FORGOTTEN_SECONDS = 300.0
"""How long an instance is shown that has fallen silent."""
_QUEUE_LIFETIME_MS = 60_000
_LONGEST_QUEUE = 1_000
_sign = Sign()
Instance = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    sign: Instance
    at: float
    at_text: str | None


class KnownInstances:
    """The last sign of life of each instance."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: dict[tuple[str, str], _Seen] = {}

    def alive(self, sign: Instance) -> None:
        """An instance has said that it is there."""
        self._seen[_key(sign)] = _Seen(sign, self._now(), clock.to_text(clock.now()))

    def left(self, sign: Instance) -> None:
        """An instance has said goodbye."""
        self._seen.pop(_key(sign), None)

    def listing(self) -> list[Instance]:
        """All of them by service, the oldest first; long silent ones are forgotten."""
        now = self._now()
        self._seen = {key: one for key, one in self._seen.items() if now - one.at < FORGOTTEN_SECONDS}
        found = [_shown(one, now) for one in self._seen.values()]
        return sorted(found, key=lambda one: (one["service"], one["started_at"], one["instance"]))


class Discovery(DependencyProvider):
    """Injects a function that lists the instances. It listens over a queue of this gateway's own."""

    queue_consumer = QueueConsumer()

    def setup(self) -> None:
        """Name the queue; it is declared with each connection."""
        self.known = KnownInstances()
        self.queue = Queue(
            f"instances-{self.container.service_name}-{uuid.uuid4()}", INSTANCES, routing_key="#",
            durable=True,
            queue_arguments={"x-expires": _QUEUE_LIFETIME_MS, "x-max-length": _LONGEST_QUEUE},
        )  # fmt: skip
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        """Stop listening."""
        self.queue_consumer.unregister_provider(self)

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], list[Instance]]:
        """The list as of now."""
        return self.known.listing

    def handle_message(self, body: Any, message: Received) -> None:
        """Take in a sign of life or a goodbye."""
        try:
            sign: Instance = _sign.load(body)
        except ValidationError as problem:
            log.warning("sign_of_life_malformed", problem=str(problem))
        else:
            is_goodbye = message.delivery_info["routing_key"] == LEFT
            self.known.left(sign) if is_goodbye else self.known.alive(sign)
        self.queue_consumer.ack_message(message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Drop it: the next one follows soon."""
        log.warning("sign_of_life_malformed", problem=str(exc))
        self.queue_consumer.ack_message(message)


def _key(sign: Instance) -> tuple[str, str]:
    return sign["service"], sign["instance"]


def _shown(one: _Seen, now: float) -> Instance:
    is_silent = now - one.at > SILENT_SECONDS
    return {**one.sign, "status": SILENT if is_silent else one.sign["status"], "last_seen_at": one.at_text}
