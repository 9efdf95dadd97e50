"""docker-compose.yml: valid by the compose specification, and what its services promise."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from common import config as settings
from ops.serve import GRACE_SECONDS
from ops.serve import SERVICES as SERVED
from tests.unit.ops.compose_file import COMPOSE_FILE, PROCESSES, ROOT, load, parse

COMPOSE = load()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = (*PROCESSES, "mailcatcher", "backup")
INFRASTRUCTURE = ("rabbitmq", "postgres", "mongo")


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_file_is_valid_by_the_compose_specification():
    result = check(COMPOSE_FILE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_misspelt_key_is_found(tmp_path: Path):
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE_FILE.read_text().replace("stop_grace_period", "stop_grace_perod"))
    assert "stop_grace_perod" in check(wrong).stdout


def test_the_specification_s_obsolete_version_is_not_given():
    assert "version" not in COMPOSE


def test_all_processes_the_mail_catcher_and_the_backups_run_beside_the_infrastructure():
    assert set(SERVICES) == {*SERVED, "mailcatcher", "backup", *INFRASTRUCTURE}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["backup"]


def test_one_image_serves_all_processes_and_is_built_once():
    assert {SERVICES[name]["image"] for name in OURS} == {"todo-suite"}
    assert {SERVICES[name]["pull_policy"] for name in OURS} == {"never"}
    # Services that build the same tag side by side fail on a fresh machine: "already exists".
    assert [name for name, service in SERVICES.items() if "build" in service] == ["gateway"]


@pytest.mark.parametrize("name", PROCESSES)
def test_the_command_of_a_process_is_its_name(name: str):
    assert SERVICES[name]["command"] == [name]


@pytest.mark.parametrize("name", ["notifications", "mailcatcher", "backup"])
def test_an_entrypoint_of_its_own_names_a_module(name: str):
    python, option, module = SERVICES[name]["entrypoint"][-3:]
    assert (python, option) == ("python", "-m")
    assert find_spec(module)


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_watched_restarted_and_given_time_to_stop(name: str):
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["init"] is True
    assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    assert service["ulimits"]["nofile"] >= 65536
    assert service["logging"]["options"]["max-size"]


def test_the_gateway_is_stopped_before_every_service_that_answers_it():
    needed = SERVICES["gateway"]["depends_on"]
    assert set(needed) >= set(PROCESSES) - {"gateway"}


@pytest.mark.parametrize("name", OURS)
def test_a_process_can_change_nothing_and_gain_nothing(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_waits_until_what_it_needs_is_healthy(name: str):
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed]


def test_each_process_waits_for_the_servers_whose_address_it_is_given():
    for variable, server in (("RABBITMQ_URL", "rabbitmq"), ("DB_HOST", "postgres"), ("MONGODB_URI", "mongo")):
        given = {name for name in PROCESSES if variable in SERVICES[name]["environment"]}
        assert given == {name for name in PROCESSES if server in SERVICES[name]["depends_on"]}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_asked_on_its_own_port(name: str):
    port, path = SERVICES[name]["healthcheck"]["test"][-2:]
    assert int(port) == settings.load()["HTTP"]["ports"][name]
    # The gateway's /health tells of all services; a container's health is its own.
    assert path == ("/health/live" if name == "gateway" else "/health")


def test_only_the_gateway_is_published_and_two_pages_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "gateway": ["3000:3000"],
        "rabbitmq": ["127.0.0.1:15672:15672"],
        "mailcatcher": ["127.0.0.1:8025:8025"],
    }


def test_any_process_but_the_gateway_can_run_more_than_once():
    for name in PROCESSES:
        assert "container_name" not in SERVICES[name]
        assert "hostname" not in SERVICES[name]
        assert "volumes" not in SERVICES[name]
        assert name == "gateway" or "ports" not in SERVICES[name]


def test_data_lies_in_named_volumes():
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])
    assert all("volumes" in SERVICES[name] for name in (*INFRASTRUCTURE, "mailcatcher", "backup"))


def test_the_addresses_lead_to_services_of_the_file():
    assert "@rabbitmq:5672/" in SERVICES["users"]["environment"]["RABBITMQ_URL"]
    assert SERVICES["users"]["environment"]["DB_HOST"] == "postgres"
    assert SERVICES["todos"]["environment"]["MONGODB_URI"] == "mongodb://mongo:27017/?replicaSet=rs0"


def test_the_replica_set_that_the_health_check_makes_is_the_one_that_is_asked_for():
    check_script = SERVICES["mongo"]["healthcheck"]["test"][-1]
    assert '_id: "rs0", members: [{_id: 0, host: "mongo:27017"}]' in check_script
    assert SERVICES["mongo"]["command"][:2] == ["--replSet", "rs0"]


def test_anchors_leave_nothing_behind_that_compose_would_take_for_a_service():
    top = set(parse())
    assert {key for key in top if not key.startswith("x-")} == {
        "name",
        "include",
        "services",
        "networks",
        "volumes",
    }


def test_the_databases_are_on_a_network_with_who_uses_them_and_nobody_else():
    networks = {name: service.get("networks", ["default"]) for name, service in SERVICES.items()}
    assert {name for name, joined in networks.items() if joined == ["data"]} == {"postgres", "mongo"}
    assert {name for name, joined in networks.items() if joined == ["default"]} == {
        "auth", "mailcatcher", "rabbitmq"
    }  # fmt: skip
    given = {name for name, service in SERVICES.items() if _asks_a_database(service)}
    assert {name for name, joined in networks.items() if joined == ["default", "data"]} == given
    others = yaml.load((ROOT / "ops/observability.yml").read_text(), Loader=yaml.CSafeLoader)["services"]
    assert [name for name, service in others.items() if "networks" in service] == []


def _asks_a_database(service: dict[str, Any]) -> bool:
    return bool({"DB_HOST", "MONGODB_URI", "RATE_LIMIT_STORAGE_URI"} & set(service.get("environment", {})))
