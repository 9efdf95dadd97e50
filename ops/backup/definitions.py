"""The broker's exchanges, queues, bindings and policies, by its management API.

They are those of the suite's virtual host alone. Users, their passwords and their rights are the
operator's, and in no archive. The API hands them out together (``/api/definitions``) to administrators alone,
so they are asked for one kind after the other, which a ``policymaker`` may do, and put together likewise.
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
_PARTS = {
    "exchanges": "name,type,durable,auto_delete,internal,arguments",
    "queues": "name,durable,auto_delete,exclusive,arguments",
    "bindings": "source,destination,destination_type,routing_key,arguments",
    "policies": "name,pattern,apply-to,definition,priority",
    "parameters": "component,name,value",
}
"""What an archive says of each."""
Definitions = dict[str, Any]


class Management:
    """The management API, with the login of ``AMQP_URI``."""

    def __init__(self, config: dict[str, Any], url: str) -> None:
        broker = urlsplit(config["AMQP_URI"])
        self._url = url.rstrip("/")
        self._vhost = quote(unquote(broker.path[1:]) or "/", safe="")
        self._trusted = config["RABBITMQ_TLS"]["ca"] or True
        self._login = (unquote(broker.username or "guest"), unquote(broker.password or "guest"))

    def version(self) -> str:
        """The broker's version."""
        return str(self._ask("GET", "/api/overview").get("rabbitmq_version", "unknown"))

    def definitions(self) -> Definitions:
        """What was declared to last: no queue that goes away by itself."""
        found = {part: self._listed(part, columns) for part, columns in _PARTS.items()}
        found["exchanges"] = [one for one in found["exchanges"] if not _is_broker_s_own(one["name"])]
        found["queues"] = [queue for queue in found["queues"] if _lasts(queue)]
        there = {("queue", queue["name"]) for queue in found["queues"]}
        there |= {("exchange", exchange["name"]) for exchange in found["exchanges"]}
        found["bindings"] = [
            binding
            for binding in found["bindings"]
            if binding["source"] and (binding["destination_type"], binding["destination"]) in there
        ]
        return found

    def define(self, definitions: Definitions) -> None:
        """Declare all that, as an administrator; what is there already stays."""
        self._ask("POST", f"/api/definitions/{self._vhost}", json=definitions)

    def queues(self) -> dict[str, int]:
        """All queues, and how many of each one's messages are in consumers' hands, some seconds ago."""
        asked = {"columns": "name,messages_unacknowledged"}
        found = self._ask("GET", f"/api/queues/{self._vhost}", params=asked)
        return {queue["name"]: int(queue.get("messages_unacknowledged") or 0) for queue in found}

    def _listed(self, part: str, columns: str) -> list[dict[str, Any]]:
        found = self._ask("GET", f"/api/{part}/{self._vhost}", params={"columns": columns})
        names = columns.split(",")
        # Policies and parameters are not cut down to the columns, and name the virtual host.
        return [{name: one[name] for name in names if name in one} for one in found]

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = requests.request(
                method, f"{self._url}{path}", auth=self._login, timeout=_SECONDS, verify=self._trusted, **more
            )
            answer.raise_for_status()
            return answer.json() if answer.content else None
        except requests.HTTPError as problem:
            raise BackupError(_explain(problem.response)) from problem
        except requests.exceptions.SSLError as problem:
            raise BackupError(
                f"RabbitMQ's management API at {self._url} is not trusted: check RABBITMQ_CA and the host of"
                " RABBITMQ_MANAGEMENT_URL."
            ) from problem
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


def _is_broker_s_own(exchange: str) -> bool:
    return not exchange or exchange.startswith("amq.")


def _lasts(queue: dict[str, Any]) -> bool:
    is_private = queue["auto_delete"] or queue.pop("exclusive", False)
    return bool(queue["durable"]) and not is_private and "x-expires" not in queue["arguments"]


def _explain(answer: Any) -> str:
    if answer.status_code == 401 and "management user" not in answer.text:
        return "RabbitMQ's management API refuses the login of RABBITMQ_URL: check its user and password."
    if answer.status_code in (401, 403):
        return (
            "RabbitMQ's management API refuses that to the user of RABBITMQ_URL: give its user the tag"
            " policymaker, for a restore administrator (rabbitmqctl set_user_tags)."
        )
    return f"RabbitMQ's management API answers {answer.status_code}: {answer.text[:200]}"
