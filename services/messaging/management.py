"""RabbitMQ's management API: what AMQP does not tell."""

from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests

from common.logging import get_logger

log = get_logger()
_SECONDS = 1.0
_DEFAULT_PORT = 15672
_RATES = {"publish": "publish_details", "deliver": "deliver_get_details", "ack": "ack_details"}
Rates = dict[str, float]


class Management:
    """Asks with the login of ``AMQP_URI``; without the plugin, or its permission, it knows nothing."""

    def __init__(self, config: dict[str, Any]) -> None:
        broker = urlsplit(config["AMQP_URI"])
        base = config["RABBITMQ_MANAGEMENT_URL"] or f"http://{broker.hostname}:{_DEFAULT_PORT}"
        vhost = quote(unquote(broker.path[1:]) or "/", safe="")
        self._url = f"{base.rstrip('/')}/api/queues/{vhost}"
        self._trusted = config["RABBITMQ_TLS"]["ca"] or True
        self._login = (unquote(broker.username or "guest"), unquote(broker.password or "guest"))

    def rates(self) -> dict[str, Rates]:
        """Messages a second by queue: ``{name: {publish, deliver, ack}}``; empty if nobody answers."""
        try:
            answer = requests.get(
                self._url, auth=self._login, timeout=_SECONDS, params={"columns": "name,message_stats"},
                verify=self._trusted,
            )  # fmt: skip
            answer.raise_for_status()
            return {queue["name"]: _rates(queue.get("message_stats") or {}) for queue in answer.json()}
        except (requests.RequestException, KeyError, TypeError) as problem:
            log.debug("queue_rates_unknown", error=type(problem).__name__)
            return {}


def _rates(stats: dict[str, Any]) -> Rates:
    return {name: float((stats.get(detail) or {}).get("rate", 0.0)) for name, detail in _RATES.items()}
