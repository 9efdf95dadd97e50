"""Prints which of the three servers already answer at their configured address.

Runs before anything is installed, so it needs the standard library only: an
address is the variable's value or else the default that config.yml gives it.
"""

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

CONFIG = Path(__file__).resolve().parents[1] / "config.yml"
TIMEOUT_SECONDS = 1.0


DEFAULTS = {
    "RABBITMQ_URL": "amqp://127.0.0.1:5672/",
    "DB_HOST": "127.0.0.1",
    "DB_PORT": "5432",
    "MONGODB_URI": "mongodb://127.0.0.1:27017/",
}


def setting(name: str) -> str:
    """The variable's value, or its default in config.yml, or the server's usual address."""
    default = re.search(r"\$\{" + name + r":([^}\"]+)\}", CONFIG.read_text(encoding="utf-8"))
    return os.environ.get(name) or (default.group(1) if default else DEFAULTS[name])


def addresses() -> dict[str, list[tuple[str, int]]]:
    """Where each server is expected; a MongoDB address may name several hosts."""
    broker = urlsplit(setting("RABBITMQ_URL"))
    usual_port = 5671 if broker.scheme == "amqps" else 5672
    hosts = urlsplit(setting("MONGODB_URI")).netloc.rpartition("@")[2].split(",")
    return {
        "rabbitmq": [(broker.hostname or "127.0.0.1", broker.port or usual_port)],
        "postgresql": [(setting("DB_HOST"), int(setting("DB_PORT")))],
        "mongodb": [(host.partition(":")[0], int(host.partition(":")[2] or 27017)) for host in hosts],
    }


def answers(host: str, port: int) -> bool:
    """Whether the address accepts a connection."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    for server, places in addresses().items():
        if any(answers(host, port) for host, port in places):
            print(server)
