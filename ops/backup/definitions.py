"""The broker's exchanges, queues, bindings and policies, by its management API.

They are those of the suite's virtual host alone. Users, their passwords and their rights are the
operator's, and in no archive.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import requests

from ops.backup.refusal import BackupError

PRIVATE_CONFIGURATION = Path("rabbitmq/rabbitmq.conf")
_DEFAULT_PORT = 15672
_SECONDS = 30
_PARTS = ("exchanges", "queues", "bindings", "policies", "parameters")
Definitions = dict[str, Any]


class Management:
    """The management API, with the login of ``AMQP_URI``."""

    def __init__(self, config: dict[str, Any], url: str) -> None:
        broker = urlsplit(config["AMQP_URI"])
        self._url = url.rstrip("/")
        self._vhost = quote(unquote(broker.path[1:]) or "/", safe="")
        self._login = (unquote(broker.username or "guest"), unquote(broker.password or "guest"))

    def version(self) -> str:
        """The broker's version."""
        return str(self._ask("GET", "/api/overview").get("rabbitmq_version", "unknown"))

    def definitions(self) -> Definitions:
        """What was declared to last: no queue that goes away by itself."""
        told = self._ask("GET", f"/api/definitions/{self._vhost}")
        gone = {queue["name"] for queue in told.get("queues", []) if not _lasts(queue)}
        found = {part: told.get(part, []) for part in _PARTS}
        found["queues"] = [queue for queue in found["queues"] if queue["name"] not in gone]
        found["bindings"] = [
            binding
            for binding in found["bindings"]
            if binding["destination_type"] != "queue" or binding["destination"] not in gone
        ]
        return found

    def define(self, definitions: Definitions) -> None:
        """Declare all that; what is there already stays."""
        self._ask("POST", f"/api/definitions/{self._vhost}", json=definitions)

    def queues(self) -> dict[str, int]:
        """All queues, and how many of each one's messages are in consumers' hands, some seconds ago."""
        asked = {"columns": "name,messages_unacknowledged"}
        found = self._ask("GET", f"/api/queues/{self._vhost}", params=asked)
        return {queue["name"]: int(queue.get("messages_unacknowledged") or 0) for queue in found}

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = requests.request(
                method, f"{self._url}{path}", auth=self._login, timeout=_SECONDS, **more
            )
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except requests.HTTPError as problem:
            raise BackupError(_explain(problem.response)) from problem
        except (requests.RequestException, ValueError) as problem:
            raise BackupError(
                f"RabbitMQ's management API does not answer at {self._url}: enable the plugin"
                " rabbitmq_management, or correct RABBITMQ_MANAGEMENT_URL."
            ) from problem


def management_url(config: dict[str, Any], local: Path) -> str:
    """Where the management API is: as set, or where `make run` has put it, or on its usual port."""
    if config["RABBITMQ_MANAGEMENT_URL"]:
        return str(config["RABBITMQ_MANAGEMENT_URL"])
    broker, file = urlsplit(config["AMQP_URI"]), local / PRIVATE_CONFIGURATION
    text = file.read_text() if file.exists() else ""
    if re.search(rf"^listeners\.tcp\.local = \S+:{broker.port or 5672}$", text, re.MULTILINE):
        port = re.search(r"^management\.tcp\.port = (\d+)$", text, re.MULTILINE)
        return f"http://{broker.hostname}:{port[1] if port else _DEFAULT_PORT}"
    return f"http://{broker.hostname}:{_DEFAULT_PORT}"


def _lasts(queue: dict[str, Any]) -> bool:
    return bool(queue["durable"]) and not queue["auto_delete"] and "x-expires" not in queue["arguments"]


def _explain(answer: Any) -> str:
    if answer.status_code in (401, 403):
        return (
            "RabbitMQ's management API refuses the login of RABBITMQ_URL: give its user the tag policymaker"
            " (rabbitmqctl set_user_tags)."
        )
    return f"RabbitMQ's management API answers {answer.status_code}: {answer.text[:200]}"
