"""What the suite declares in RabbitMQ: names derived in one place, made before anything is published.

================================================  =========================================================
``<service>.events``                              topic exchange, one for each service that announces
``evt-<source>-<event>--<service>.<handler>``     durable queue, one for each event and listening service
``rpc-<service>``                                 durable queue of a service's calls
``delays`` / ``delay-<ms>ms``                     where a failed event waits before its next attempt
``instances``                                     topic exchange of the processes' signs of life
``commands``                                      topic exchange to all instances of a service
``dead-letters``                                  fanout exchange and queue: what can't succeed, with reasons
================================================  =========================================================

An event that is published before its queue exists vanishes, so every process declares all of it
whenever it starts. Retries and dead letters are published by the consumer, so event queues need no
arguments but one: a queue whose event may be urgent has two priorities. With EVENT_QUEUE_TYPE=quorum they are
quorum queues; what waits for another attempt, calls and dead letters stay in classic ones. A queue that was
declared otherwise (by an older version, with another setting) is used as it is, with a warning.
"""

import ssl
from typing import Any

import eventlet
from amqp.exceptions import AccessRefused, AMQPError, NotFound, PreconditionFailed
from kombu import Connection, Exchange, Queue
from nameko.constants import AMQP_URI_CONFIG_KEY
from nameko.extensions import SharedExtension
from nameko.rpc import RPC_QUEUE_TEMPLATE, get_rpc_exchange
from nameko.utils import sanitize_url

from common import events
from common.broker import connect
from common.events import Event
from common.logging import get_logger

log = get_logger()
SERVICES = ("users", "auth", "todos", "messaging", "notifications", "gateway")
DEAD_LETTERS = "dead-letters"
DELAYS = Exchange("delays", type="headers", durable=True)
INSTANCES = Exchange("instances", type="topic", durable=True)
COMMANDS = Exchange("commands", type="topic", durable=True)
CLASSIC, QUORUM = "classic", "quorum"
_QUORUM_ARGUMENTS = {
    "x-queue-type": QUORUM,
    # RabbitMQ 4 drops what has come back twenty times, as a message does whose consumer loses its connection
    # or can't hand it on. How often an event is tried is counted by common/delivery.py alone.
    "x-delivery-limit": 1_000_000,
}
_WAIT_SECONDS = 60


class TopologyError(Exception):
    """The broker can't be reached, or will not have it so: the process must not start."""


class NotMadeYet(Exception):
    """Something is not there that this process's user may not make: another process makes it."""


def handler_name(event: Event) -> str:
    """The method that handles an event: always ``handle_<event>``."""
    return f"handle_{event.name}"


def event_queue(event: Event, service: str, kind: str = CLASSIC) -> Queue:
    """The queue in which ``service`` receives ``event``; named and bound as Nameko's own handlers do.

    ``kind`` is EVENT_QUEUE_TYPE. A quorum queue has no argument for priorities; RabbitMQ 4 knows two without.
    """
    exchange = Exchange(f"{event.source}.events", type="topic", durable=True, auto_delete=False)
    name = f"evt-{event.source}-{event.name}--{service}.{handler_name(event)}"
    if kind == QUORUM:
        return Queue(name, exchange, event.name, durable=True, queue_arguments=dict(_QUORUM_ARGUMENTS))
    highest = 1 if event.urgent else None
    return Queue(name, exchange, routing_key=event.name, durable=True, max_priority=highest)


def delay_queue(milliseconds: int) -> Queue:
    """A queue whose messages go back to the queue named by their routing key after that time.

    It goes away by itself when it has not been used for a while (a message in it is gone long before).
    """
    return Queue(
        f"delay-{milliseconds}ms",
        DELAYS,
        durable=True,
        binding_arguments={"x-match": "all", "delay-ms": milliseconds},
        queue_arguments={
            "x-message-ttl": milliseconds,
            "x-dead-letter-exchange": "",
            "x-expires": delay_queue_lifetime(milliseconds),
        },
    )


def delay_queue_lifetime(milliseconds: int) -> int:
    """After how many milliseconds without a new message a delay queue is dropped."""
    return milliseconds * 2 + 120_000


def dead_letter_queue() -> Queue:
    """Where what can't succeed goes; the messaging service takes it from there into its ledger."""
    return Queue(DEAD_LETTERS, Exchange(DEAD_LETTERS, type="fanout", durable=True), durable=True)


def everything(config: dict[str, Any]) -> list[Exchange | Queue]:
    """All exchanges and queues of the suite, in an order in which they can be declared."""
    sources = sorted({event.source for event in events.ALL})
    exchanges = [Exchange(f"{source}.events", type="topic", durable=True) for source in sources]
    rpc = get_rpc_exchange(config)
    calls = [
        Queue(RPC_QUEUE_TEMPLATE.format(name), rpc, routing_key=f"{name}.*", durable=True)
        for name in SERVICES
    ]
    kind = config["EVENT_QUEUE_TYPE"]
    heard = [
        event_queue(event, service, kind) for service, known in events.SUBSCRIBERS.items() for event in known
    ]
    return [*exchanges, INSTANCES, COMMANDS, DELAYS, dead_letter_queue(), *calls, *heard]


class Topology(SharedExtension):
    """Declares everything when the process is set up, before any consumer or publisher starts."""

    def setup(self) -> None:
        """Wait for the broker a while, then declare; TopologyError ends the process with its reason."""
        config = self.container.config
        where = sanitize_url(config[AMQP_URI_CONFIG_KEY])
        late = TopologyError(f"no broker at {where}, or not all queues in it: check RABBITMQ_URL and the log")
        with eventlet.Timeout(_WAIT_SECONDS, late):
            while not self._declared(config, where):
                eventlet.sleep(1)

    def _declared(self, config: dict[str, Any], where: str) -> bool:
        try:
            declare(config)
        except ssl.SSLCertVerificationError as problem:
            reason = f"the certificate of RabbitMQ at {where} is not trusted: {problem.verify_message}"
            raise TopologyError(f"{reason}. Check RABBITMQ_CA and the host of RABBITMQ_URL.") from None
        except OSError as problem:
            log.warning("broker_unreachable", broker=where, error=str(problem))
            return False
        except NotMadeYet as problem:
            log.warning("topology_incomplete", missing=str(problem))
            return False
        except AMQPError as problem:
            raise TopologyError(f"RabbitMQ at {where} refuses: {problem}. Check RABBITMQ_URL.") from None
        return True


def declare(config: dict[str, Any]) -> None:
    """Declare the topology over a connection of its own; raises what the broker answers.

    A user with the rights of one service makes what is that one's, and finds out whether the rest is there.
    """
    missing = []
    with connect(config) as connection:
        for entity in everything(config):
            try:
                declare_one(connection, entity)
            except AccessRefused:
                if not is_there(connection, entity):
                    missing.append(entity.name)
    if missing:
        raise NotMadeYet(", ".join(missing))


def is_there(connection: Connection, entity: Exchange | Queue) -> bool:
    """Whether the broker has it, which any user may ask."""
    try:
        with connection.channel() as channel:
            if isinstance(entity, Queue):
                channel.queue_declare(entity.name, passive=True)
            else:
                channel.exchange_declare(entity.name, entity.type, passive=True)
    except NotFound:
        return False
    return True


def declare_one(connection: Connection, entity: Exchange | Queue) -> None:
    """Declare an exchange or a queue, unless that queue exists with other arguments: then only bind it.

    It is for the operator to delete such a queue when it is empty; refusing to work would lock every
    consumer out until then.
    """
    try:
        with connection.channel() as channel:
            entity(channel).declare()
    except PreconditionFailed as problem:
        if not isinstance(entity, Queue):
            raise
        log.warning("queue_declared_otherwise", queue=entity.name, error=problem.reply_text)
        with connection.channel() as channel:
            entity(channel).queue_bind()
