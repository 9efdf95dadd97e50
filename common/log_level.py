"""The log's level, changed while the processes run: one call reaches all instances of a service.

The call is broadcast to a queue of each process's own. Who starts later begins with ``LOG_LEVEL`` again.
"""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from kombu import Queue
from kombu.message import Message as Received
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common import strict_json
from common.broker import TRANSIENT, ConfirmedPublisher, Message, PublishFailed
from common.config import LEVELS
from common.consumer import QueueConsumer
from common.errors import Unavailable
from common.logging import get_logger
from common.schemas import refuse
from common.topology import COMMANDS

log = get_logger()
_QUEUE_LIFETIME_MS = 60_000


class LogLevel(DependencyProvider):
    """Injects a function that sets the level of all instances of this service."""

    queue_consumer = QueueConsumer()
    publisher = ConfirmedPublisher()

    def setup(self) -> None:
        """Name the queue; it is declared with each connection."""
        self._key = f"log-level.{self.container.service_name}"
        self.queue = Queue(
            f"log-level-{self.container.service_name}-{uuid.uuid4()}", COMMANDS, routing_key=self._key,
            durable=True, queue_arguments={"x-expires": _QUEUE_LIFETIME_MS},
        )  # fmt: skip
        self.queue_consumer.register_provider(self)

    def stop(self) -> None:
        """Stop listening."""
        self.queue_consumer.unregister_provider(self)

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Any, str], dict[str, str]]:
        """``set_level(level, by)``."""
        return self.broadcast

    def broadcast(self, level: Any, by: str) -> dict[str, str]:
        """Tell all instances; the level as it is now."""
        wanted = level.upper() if isinstance(level, str) else ""
        if wanted not in LEVELS:
            refuse("level", f"Must be one of: {', '.join(LEVELS)}.")
        properties = {
            "content_type": "application/json", "content_encoding": "utf-8", "delivery_mode": TRANSIENT,
        }  # fmt: skip
        body = strict_json.dumps({"level": wanted, "by": by})
        try:
            self.publisher.publish([Message(COMMANDS.name, self._key, body, {}, properties)])
        except PublishFailed:
            raise Unavailable("unavailable", "The broker is not available.") from None
        return {"level": wanted}

    def handle_message(self, body: Any, message: Received) -> None:
        """Set the level of this process."""
        if isinstance(body, dict) and body.get("level") in LEVELS:
            set_level(body["level"], str(body.get("by")))
        self.queue_consumer.ack_message(message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Drop it."""
        self.queue_consumer.ack_message(message)


def set_level(level: str, by: str) -> None:
    """Set the level, and say so where either level shows it."""
    root, wanted = logging.getLogger(), logging.getLevelNamesMapping()[level]
    root.setLevel(min(root.level, wanted))
    log.warning("log_level_set", level_set=level, user_id=by)
    root.setLevel(wanted)
