"""Takes dead letters off their queue, whatever their body is."""

from functools import partial
from typing import Any

from kombu.message import Message as Received
from nameko.exceptions import ContainerBeingKilled
from nameko.messaging import Consumer

from common import topology
from common.consumer import QueueConsumer
from services.messaging import dead_letters


class DeadLetterConsumer(Consumer):
    """``@takes_dead_letters``: the method gets each letter as :func:`dead_letters.read` reads it."""

    queue_consumer = QueueConsumer()
    kind = "event"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(topology.dead_letter_queue(), **kwargs)

    def handle_message(self, body: Any, message: Received) -> None:
        """Start a worker for the letter; its body is kept as it came, not as it was decoded."""
        letter = dead_letters.read(message)
        try:
            self.container.spawn_worker(
                self, (letter,), {}, context_data={}, handle_result=partial(self.handle_result, message)
            )
        except ContainerBeingKilled:
            self.queue_consumer.requeue_message(message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """A body that can't be decoded is the most common cause of death: the same."""
        self.handle_message(None, message)

    def handle_message_processed(self, message: Received, result: Any = None, exc_info: Any = None) -> None:
        """Acknowledge what was kept; all else waits in the queue a moment and comes again."""
        if exc_info is None:
            self.queue_consumer.ack_message(message)
        else:
            self.queue_consumer.requeue_later(message)


takes_dead_letters = DeadLetterConsumer.decorator
