"""Sends messages back to the queues that they failed in."""

from collections.abc import Callable, Sequence

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common.broker import ConfirmedPublisher, Message, PublishFailed
from common.errors import Unavailable
from common.logging import get_logger

log = get_logger()
_BATCH = 100


class Sender(DependencyProvider):
    """Injects ``send(messages)``, which returns when the broker holds them all."""

    publisher = ConfirmedPublisher()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Sequence[Message]], None]:
        """The same for every worker."""
        return self.send

    def send(self, messages: Sequence[Message]) -> None:
        """Publish with confirms, some at a time; Unavailable if the broker does not take them."""
        try:
            for start in range(0, len(messages), _BATCH):
                self.publisher.publish(messages[start : start + _BATCH])
        except PublishFailed as problem:
            log.error("replay_failed", error=str(problem))
            raise Unavailable("broker_unavailable", "The broker did not take the messages.") from None
