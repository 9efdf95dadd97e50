"""The server's side of calls: taken off the queue, answered, and never died of.

Nameko ends the process over a call that names no reply queue or an answer that can't be sent. Here the
first goes to the dead letters with its reason, and the second ends at its caller's deadline.
"""

import sys
from typing import Any

import kombu.serialization
from kombu.message import Message as Received
from nameko.amqp.publish import Publisher
from nameko.exceptions import MalformedRequest
from nameko.rpc import Responder, RpcConsumer

from common.broker import TRANSIENT, PublishFailed
from common.consumer import QueueConsumer
from common.delivery import Redelivery
from common.errors import SuiteError, internal_error
from common.logging import get_logger

log = get_logger()
CONFIRM_SECONDS = 5


class ReplyPublisher(Publisher):
    """Sends a reply without writing it to disk, and does not wait for ever for the broker."""

    delivery_mode = TRANSIENT

    def __init__(self, amqp_uri: str, **options: Any) -> None:
        super().__init__(amqp_uri, confirm_timeout=CONFIRM_SECONDS, **options)


class SafeResponder(Responder):
    """Answers a call; see :class:`ReplyPublisher`."""

    publisher_cls = ReplyPublisher


class SafeRpcConsumer(RpcConsumer):
    """Takes calls off the service's queue; one that can't be answered is set aside, not died of."""

    queue_consumer = QueueConsumer()
    redelivery = Redelivery()

    def handle_message(self, body: Any, message: Received) -> None:
        """Run the called method, or answer why not."""
        if not _answerable(message):
            self._set_aside(message, "unanswerable_call", "the call names no reply queue or content type")
            return
        super().handle_message(body if isinstance(body, dict) else {}, message)

    def handle_undecodable(self, message: Received, exc: Exception) -> None:
        """Answer a body that can't be read with an error, if there is anyone to answer."""
        if not _answerable(message):
            self._set_aside(message, "undecodable", f"the body can't be read: {exc}")
            return
        try:
            raise MalformedRequest("The body can't be read.")
        except MalformedRequest:
            self.handle_result(message, None, sys.exc_info())

    def handle_result(self, message: Received, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Send the reply and acknowledge the call. A reply that can't be sent ends nothing but itself."""
        shown = _shown(exc_info)
        try:
            result, failure = self._respond(message, result, shown)
            exc_info = failure if failure is not shown else exc_info
        except Exception as problem:
            log.error("rpc_reply_lost", error=f"{type(problem).__name__}: {problem}")
        self.queue_consumer.ack_message(message)
        return result, exc_info

    def _respond(self, message: Received, result: Any, exc_info: Any) -> tuple[Any, Any]:
        config = self.container.config
        responder = SafeResponder(
            config["AMQP_URI"], self.queue.exchange, config.get("serializer", "json"), message,
            ssl=config.get("AMQP_SSL"), login_method=config.get("LOGIN_METHOD"),
        )  # fmt: skip
        answer: tuple[Any, Any] = responder.send_response(result, exc_info)
        return answer

    def _set_aside(self, message: Received, reason: str, detail: str) -> None:
        try:
            self.redelivery.dead_letter(message, self.queue.name, reason, detail)
        except PublishFailed as problem:
            log.error("message_kept", queue=self.queue.name, error=str(problem))
            self.queue_consumer.requeue_later(message)
            return
        self.queue_consumer.ack_message(message)


def _answerable(message: Received) -> bool:
    known = message.properties.get("content_type") in kombu.serialization.registry.type_to_name
    return known and bool(message.properties.get("reply_to"))


def _shown(exc_info: Any) -> Any:
    """What the caller sees: our own words and Nameko's about the request; of all else, that it failed."""
    if exc_info is None or isinstance(exc_info[1], SuiteError):
        return exc_info
    if type(exc_info[1]).__module__ == "nameko.exceptions":
        return exc_info
    error = internal_error()
    return type(error), error, exc_info[2]
