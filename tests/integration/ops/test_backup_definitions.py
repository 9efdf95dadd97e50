"""What a backup says of the broker's queues, and that a restore makes them so again."""

from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from common import topology
from ops.backup.definitions import Management
from ops.backup.refusal import BackupError
from ops.engines import RabbitMQ
from ops.rights import BACKUP
from tests.certificates import make_pair
from tests.integration.common.tls_relay import TlsRelay
from tests.integration.ops.broker_users import add_user
from tests.integration.running import make_config

OWN = Exchange("own", type="topic")
EXPIRES = Queue("expiring", OWN, "#", durable=True, queue_arguments={"x-expires": 60_000})
LIMITED = Queue("limited", OWN, "a.#", durable=True, max_length=7)


def sorted_(definitions: dict[str, Any]) -> dict[str, Any]:
    return {part: sorted(those, key=str) for part, those in definitions.items()}


def test_what_who_makes_backups_sees_is_what_an_administrator_exports_and_defines_again(
    amqp_uri: str, rabbitmq: RabbitMQ
) -> None:
    topology.declare(make_config(AMQP_URI=amqp_uri, EVENT_QUEUE_TYPE="quorum"))
    admin = Management(make_config(AMQP_URI=amqp_uri), rabbitmq.management_url)
    policy = {"pattern": "^evt-", "definition": {"max-length": 9}, "priority": 3, "apply-to": "queues"}
    admin._ask("PUT", f"/api/policies/{admin._vhost}/most", json=policy)
    with Connection(amqp_uri) as connection:
        for queue in (EXPIRES, LIMITED):
            queue(connection.default_channel).declare()
        connection.default_channel.queue_declare("", exclusive=True, durable=True)
        backup = make_config(AMQP_URI=add_user(rabbitmq, amqp_uri, BACKUP))
        seen = Management(backup, rabbitmq.management_url).definitions()
    exported = admin._ask("GET", f"/api/definitions/{admin._vhost}")
    exported["queues"] = [one for one in exported["queues"] if one["name"] != "expiring"]
    exported["bindings"] = [one for one in exported["bindings"] if one["destination"] != "expiring"]
    for one in exported["policies"]:
        one.pop("vhost", None)  # where it comes from is not where it goes
    assert sorted_(seen) == sorted_({part: exported.get(part, []) for part in seen})
    assert {"name": "most", **policy} in seen["policies"]

    elsewhere = make_config(AMQP_URI=rabbitmq.add_vhost("elsewhere"))
    again = Management(elsewhere, rabbitmq.management_url)
    again.define(seen)
    assert sorted_(again.definitions()) == sorted_(seen)
    rabbitmq.delete_vhost("elsewhere")


def test_a_user_without_the_tag_is_told_so(amqp_uri: str, rabbitmq: RabbitMQ) -> None:
    todos = make_config(AMQP_URI=add_user(rabbitmq, amqp_uri, "todos"))
    with pytest.raises(BackupError, match="give its user the tag policymaker"):
        Management(todos, rabbitmq.management_url).definitions()


def test_a_wrong_password_is_told_as_such_and_not_as_a_missing_tag(amqp_uri: str, rabbitmq: RabbitMQ) -> None:
    wrong = make_config(AMQP_URI=amqp_uri.replace(":guest@", ":wrong@"))
    with pytest.raises(BackupError, match="check its user and password"):
        Management(wrong, rabbitmq.management_url).version()


def test_over_tls_the_authority_of_the_settings_is_trusted_and_no_other(
    amqp_uri: str, rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    pair = make_pair(tmp_path)
    relay = TlsRelay(pair, rabbitmq.management_port)
    config, url = make_config(AMQP_URI=amqp_uri), f"https://127.0.0.1:{relay.port}"
    with pytest.raises(BackupError, match="is not trusted: check RABBITMQ_CA"):
        Management(config, url).version()
    config["RABBITMQ_TLS"] |= {"ca": str(pair.certificate)}
    assert Management(config, url).version()
    relay.stop()
