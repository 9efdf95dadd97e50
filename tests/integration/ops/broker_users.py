"""Users of the broker with the rights of ops/rights.py, in one virtual host."""

from typing import Any
from urllib.parse import urlsplit

import requests

from common import topology
from ops.engines import RabbitMQ
from ops.rights import BACKUP, Rights, backup_rights, rights

PASSWORD = "sesame-0123456789"


def add_user(rabbitmq: RabbitMQ, uri: str, user: str) -> str:
    """A user with the rights of a service, or of the backups; the address with that login."""
    vhost = urlsplit(uri).path[1:]
    is_backup = user == BACKUP
    _put(rabbitmq, f"users/{user}", {"password": PASSWORD, "tags": "policymaker" if is_backup else ""})
    _permit(rabbitmq, vhost, user, backup_rights() if is_backup else rights(user))
    return uri.replace(f"{rabbitmq.user}:{rabbitmq.password}@", f"{user}:{PASSWORD}@")


def add_all(rabbitmq: RabbitMQ, uri: str) -> dict[str, str]:
    """The users of all services and of the backups; the address of each."""
    return {user: add_user(rabbitmq, uri, user) for user in (*topology.SERVICES, BACKUP)}


def _permit(rabbitmq: RabbitMQ, vhost: str, user: str, may: Rights) -> None:
    plain = {"configure": may.configure, "write": may.write, "read": may.read}
    _put(rabbitmq, f"permissions/{vhost}/{user}", plain)
    for exchange, (write, read) in may.keys.items():
        keys = {"exchange": exchange, "write": write, "read": read}
        _put(rabbitmq, f"topic-permissions/{vhost}/{user}", keys)


def _put(rabbitmq: RabbitMQ, path: str, body: dict[str, Any]) -> None:
    login = (rabbitmq.user, rabbitmq.password)
    requests.put(
        f"{rabbitmq.management_url}/api/{path}", json=body, auth=login, timeout=30
    ).raise_for_status()
