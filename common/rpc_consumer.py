"""The server's side of calls: taken off the queue, answered, and never died of.

Nameko ends the process over a call that names no reply queue or an answer that can't be sent. Here the
first goes to the dead letters with its reason, and the second ends at its caller's deadline.
"""

import sys
from functools import partial
from typing import Any

import kombu.serialization
from kombu import Queue
from kombu.message import Message as Received
from nameko import serialization
from nameko.amqp.publish import Publisher
from nameko.exceptions import MalformedRequest, MethodNotFound, UnserializableValueError, serialize
from nameko.rpc import RPC_QUEUE_TEMPLATE, Responder, RpcConsumer, get_rpc_exchange

from common.broker import TRANSIENT
from common.consumer import QueueConsumer
from common.delivery import Redelivery, keep
from common.errors import SuiteError, Unavailable, internal_error
from common.identity import Tokens
from common.logging import get_logger
from common.transport import codec
from common.transport.frames import Delivery
from common.transport.link import Link
from common.transport.serving import is_queue
from common.transport.wire import LinkFull

log = get_logger()
CONFIRM_SECONDS = 5
MOST_BYTES = 12 * 1024 * 1024
"""The longest answer: RabbitMQ 4 closes the channel over a message of 16 MiB."""


AnyMessage = Any
"""A message of kombu's, or a delivery of the link: they have the same names for their parts."""


def is_fast(config: dict[str, Any]) -> bool:
    """Whether calls go over the link, or by Nameko's own classes."""
    return bool(config["RPC_TRANSPORT"] == "fast")


class ReplyPublisher(Publisher):
    """Sends a reply without writing it to disk, and does not wait for ever for the broker."""

    delivery_mode = TRANSIENT

    def __init__(self, amqp_uri: str, **options: Any) -> None:
        super().__init__(amqp_uri, confirm_timeout=CONFIRM_SECONDS, **options)


class SafeResponder(Responder):
    """Answers a call by Nameko's own means; see :class:`ReplyPublisher`."""

    publisher_cls = ReplyPublisher

    def __init__(self, amqp_uri: str, exchange: Any, serializer: str, message: Received, **how: Any) -> None:
        if is_queue(str(message.properties.get("reply_to"))):
            exchange = ""
        super().__init__(amqp_uri, exchange, serializer, message, **how)


class SafeRpcConsumer(RpcConsumer):
    """Takes calls off the service's queue; one that can't be answered is set aside, not died of."""

    queue_consumer = QueueConsumer()
    link = Link()
    redelivery = Redelivery()
    tokens = Tokens()

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[str, Any] = {}

    def setup(self) -> None:
        """Take calls from where it is configured."""
        config = self.container.config
        self._accept = serialization.setup(config)[1]
        if not is_fast(config):
            super().setup()
            return
        name = self.container.service_name
        self.queue = Queue(
            RPC_QUEUE_TEMPLATE.format(name), get_rpc_exchange(config), f"{name}.*", durable=True
        )
        self.link.is_used, self.link.consumer = True, self
        self.queue_consumer = self.link

    def get_provider_for_method(self, routing_key: str) -> Any:
        """The entrypoint that is called; Nameko looks through all of them each time."""
        if not self._by_key:
            service = self.container.service_name
            self._by_key = {f"{service}.{one.method_name}": one for one in self._providers}
        try:
            return self._by_key[routing_key]
        except KeyError:
            raise MethodNotFound(routing_key.rpartition(".")[2]) from None

    def take(self, message: Delivery) -> None:
        """Take a delivery of the link; at once, unless it has to wait, which would hold up all others."""
        ready = self.container._worker_pool.free() > 0 and self.tokens.is_ready
        if ready and _answerable(message):
            self._read(message)
        else:
            self.container.spawn_managed_thread(partial(self._read, message), identifier="rpc_call")

    def _read(self, message: Delivery) -> None:
        try:
            body = codec.loads(message.body, message.properties, self._accept)
        except Exception as problem:
            self.handle_undecodable(message, problem)
            return
        self.handle_message(body, message)

    def handle_message(self, body: Any, message: AnyMessage) -> None:
        """Run the called method, or answer why not."""
        if not _answerable(message):
            self._set_aside(message, "unanswerable_call", "the call names no reply queue or content type")
            return
        super().handle_message(body if isinstance(body, dict) else {}, message)

    def handle_undecodable(self, message: AnyMessage, exc: Exception) -> None:
        """Answer a body that can't be read with an error, if there is anyone to answer."""
        if not _answerable(message):
            self._set_aside(message, "undecodable", f"the body can't be read: {exc}")
            return
        try:
            raise MalformedRequest("The body can't be read.")
        except MalformedRequest:
            self.handle_result(message, None, sys.exc_info())

    def handle_result(self, message: AnyMessage, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Send the reply and acknowledge the call. A reply that can't be sent ends nothing but itself."""
        shown = _shown(exc_info)
        respond = self._respond_over_link if isinstance(message, Delivery) else self._respond
        try:
            result, failure = respond(message, result, shown)
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

    def _respond_over_link(self, message: Delivery, result: Any, exc_info: Any) -> tuple[Any, Any]:
        error = serialize(exc_info[1]) if exc_info else None
        try:
            body = codec.dumps({"result": result, "error": error})
            if len(body) > MOST_BYTES:
                raise ValueError(f"an answer of {len(body)} bytes is too long")
        except (TypeError, ValueError, RecursionError):
            exc_info, error = sys.exc_info(), serialize(UnserializableValueError(result))
            result, body = None, codec.dumps({"result": None, "error": error})
        try:
            self.link.serving.reply(message, body)
        except LinkFull as problem:
            log.error("rpc_reply_refused", bytes=len(body), error=str(problem))
            result, exc_info = None, self._say_that_it_is_lost(message)
        return result, exc_info

    def _say_that_it_is_lost(self, message: Delivery) -> Any:
        """Answer with an error, for which there is always room; its like of ``sys.exc_info()``.

        To cut the connection, so that the call is delivered again, would have all others carried out again,
        too, while the broker does not read: the answer would not get out any sooner.
        """
        error = Unavailable("unavailable", "The answer was lost: the broker takes no messages.")
        body = codec.dumps({"result": None, "error": serialize(error)})
        self.link.serving.reply(message, body)
        return Unavailable, error, None

    def _set_aside(self, message: AnyMessage, reason: str, detail: str) -> None:
        try:
            self.redelivery.dead_letter(message, self.queue.name, reason, detail)
        except Exception as problem:
            keep(self.queue_consumer, message, self.queue.name, problem)
            return
        self.queue_consumer.ack_message(message)


def _answerable(message: AnyMessage) -> bool:
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
