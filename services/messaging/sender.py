"""Sends messages back to the queues that they failed in."""

from collections.abc import Callable, Sequence

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common.broker import ConfirmedPublisher, Message, NoQueue, PublishFailed
from common.errors import Unavailable
from common.logging import get_logger

log = get_logger()


class Sender(DependencyProvider):
    """Injects ``send(messages)``, which returns when the broker holds them all."""

    publisher = ConfirmedPublisher()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Sequence[Message]], None]:
        """The same for every worker."""
        return self.send

    def send(self, messages: Sequence[Message]) -> None:
        """Publish with confirms; NoQueue if no queue takes one, Unavailable if the broker does not."""
        try:
            self.publisher.publish(messages)
        except NoQueue as problem:
            log.warning("replay_refused", error=str(problem))
            raise
        except PublishFailed as problem:
            log.error("replay_failed", error=str(problem))
            raise Unavailable("broker_unavailable", "The broker did not take the messages.") from None
