"""The backups of docker-compose.yml: on a schedule, of all data, with retention and the right pg_dump."""

import re
from typing import Any

import pytest
import yaml

from ops.backup.__main__ import parser
from ops.backup.place import number_to_keep
from ops.backup.schedule import every
from ops.backup.source import Stores
from tests.unit.ops.compose_file import ROOT, SECRETS, config_of, load

OWN = {"BACKUP_EVERY": "6h", "BACKUP_KEEP": "3", "BACKUP_TO": "/mnt/backups"}


def service(environment: dict[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = load(SECRETS | (environment or {}))["services"]["backup"]
    return found


@pytest.mark.parametrize(("given", "between", "kept"), [({}, "24h", 14), (OWN, "6h", 3)])
def test_the_command_and_its_health_check_are_what_the_module_takes(
    given: dict[str, str], between: str, kept: int
) -> None:
    told = service(given)
    options = parser().parse_args(told["command"])
    assert (every(options.every), number_to_keep(options.keep)) == (every(between), kept)
    assert told["healthcheck"]["test"] == ["CMD", "python", "-m", "ops.backup.schedule", "/data", between]


def test_archives_lie_in_a_volume_or_in_a_directory_of_the_host() -> None:
    for given, source in (({}, "backups"), (OWN, "/mnt/backups")):
        (mounted,) = service(given)["volumes"]
        where, inside = mounted.split(":")
        assert where == source
        assert parser().parse_args(service(given)["command"]).to == f"{inside}/"


def test_it_reaches_the_servers_that_the_services_use(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = config_of("users", SECRETS, monkeypatch), config_of("todos", SECRETS, monkeypatch)
    config = config_of("backup", SECRETS, monkeypatch)
    assert config["POSTGRES"] == theirs[0]["POSTGRES"]
    assert config["MONGODB_URI"] == theirs[1]["MONGODB_URI"]
    assert config["AMQP_URI"] == theirs[0]["AMQP_URI"]
    stores = Stores.of(config, "http://rabbitmq:15672")
    assert stores.postgres.name == "users_db"
    stores.close()


def test_the_first_copy_is_made_when_every_service_has_made_what_it_keeps() -> None:
    needed = set(service()["depends_on"])
    assert needed == {"rabbitmq", "postgres", "mongo", "users", "todos", "messaging", "notifications"}


def test_pg_dump_in_the_image_is_of_the_version_of_the_servers() -> None:
    (client,) = re.findall(r"postgresql-client-(\d+)", (ROOT / "Dockerfile").read_text())
    cluster = yaml.load(
        (ROOT / "ops/kubernetes/production/postgresql.yaml").read_text(), Loader=yaml.CSafeLoader
    )
    images = (load()["services"]["postgres"]["image"], cluster["spec"]["imageName"])
    assert [image.rpartition(":")[2] for image in images] == [client] * 2
