"""How the processes of the suite know of each other: each says every two seconds that it is there.

A sign of life is a small transient message to the exchange ``instances``. Whoever wants to know binds a
queue to it (the gateways do) and knows all instances after one heartbeat, without asking anybody and
without a store. Who ends in order says goodbye; who is killed falls silent.
"""

from datetime import datetime
from typing import Any

import eventlet
from marshmallow import EXCLUDE, Schema, fields
from nameko.extensions import DependencyProvider

from common import VERSION, clock, metrics, pace, strict_json
from common.broker import TRANSIENT, ConfirmedPublisher, Message, PublishFailed
from common.health import Health
from common.listener import Listener
from common.logging import get_logger, instance
from common.server import SuiteWebServer
from common.topology import INSTANCES

log = get_logger()
ALIVE, LEFT = "alive", "left"
HEARTBEAT_SECONDS = 2.0
SILENT_SECONDS = 3 * HEARTBEAT_SECONDS
"""After so long without a sign of life an instance is not believed to be well any more."""
_HASTE_SECONDS = 0.25
_GOODBYE_SECONDS = 1.0


class Sign(Schema):
    """A sign of life. A later version of the suite may say more, which is ignored."""

    class Meta:
        """What is not named here is left out."""

        unknown = EXCLUDE

    service = fields.String(required=True)
    instance = fields.String(required=True)
    host = fields.String(required=True)
    pid = fields.Integer(required=True)
    version = fields.String(required=True)
    status = fields.String(required=True)
    started_at = fields.String(required=True)
    http_port = fields.Integer(required=True, allow_none=True)
    breakers = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class Announcer(DependencyProvider):
    """Gives this process's signs of life, from its start to its orderly end; injects nothing."""

    publisher = ConfirmedPublisher()
    server = SuiteWebServer()
    health: Health
    started_at: datetime

    def setup(self) -> None:
        """Remember when this process began, and who knows how it is."""
        self.started_at = clock.now()
        self._given: dict[str, Any] = {}
        self.health = next(one for one in self.container.dependencies if isinstance(one, Health))

    def start(self) -> None:
        """Begin to announce."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier="announcer")

    def stop(self) -> None:
        """Say goodbye; the work is done by now."""
        self._thread.kill()
        if not self._given:
            return
        try:
            with eventlet.Timeout(_GOODBYE_SECONDS, PublishFailed("no confirm in time")):
                self._publish(LEFT, self._given)
        except PublishFailed as problem:
            log.debug("goodbye_lost", error=str(problem))

    def sign(self) -> dict[str, Any]:
        """What this process says of itself; its health is that of its last look at itself."""
        host, _, pid = instance().rpartition(":")
        return {
            "service": self.container.service_name,
            "instance": instance(),
            "host": host,
            "pid": int(pid),
            "version": VERSION,
            "status": self.health.latest()["status"],
            "started_at": clock.to_text(self.started_at),
            "http_port": self._http_port(),
            "breakers": metrics.breaker_states(),
        }

    def _run(self) -> None:
        while True:
            if not metrics.broker_is_up():
                eventlet.sleep(_HASTE_SECONDS)
                continue
            try:
                self._given = self.sign()
                self._publish(ALIVE, self._given)
            except PublishFailed as problem:
                log.debug("sign_of_life_lost", error=str(problem))
            pace.sleep_until_next(HEARTBEAT_SECONDS)

    def _http_port(self) -> int | None:
        listener: Listener | None = getattr(self.server, "listener", None)
        return listener.port if listener else None

    def _publish(self, what: str, sign: dict[str, Any]) -> None:
        # An old sign of life is none, so it expires where nobody takes it.
        properties = {
            "content_type": "application/json", "content_encoding": "utf-8",
            "delivery_mode": TRANSIENT, "expiration": str(round(SILENT_SECONDS * 1000)),
        }  # fmt: skip
        body = strict_json.dumps(sign)
        self.publisher.publish([Message(INSTANCES.name, what, body, {}, properties, mandatory=False)])
