"""What the containers are told: secrets from .env only, and settings that config.yml knows."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from common import config as settings
from tests.unit.ops.compose_file import (
    COMPOSE_FILE,
    KNOWN,
    PROCESSES,
    REFERENCE,
    ROOT,
    SECRETS,
    NotSet,
    config_of,
    interpolate,
    load,
    parse,
    without_comments,
)

TEXT = without_comments(COMPOSE_FILE)
RAW: dict[str, Any] = parse()["services"]
# The ports inside are fixed, as the health checks and the published port rely on them.
FIXED = {name for name in KNOWN if name == "PORT" or re.search(r"[A-Z]_PORT$", name)} - {
    "DB_PORT",
    "SMTP_PORT",
}
OF_IMAGES = {
    "rabbitmq": {"RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"},
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},
}


@pytest.fixture
def made_secrets(tmp_path: Path) -> dict[str, str]:
    """The secrets of a .env that ops/env.sh has made."""
    (tmp_path / "ops").mkdir()
    script = tmp_path / "ops" / "env.sh"
    script.write_bytes((ROOT / "ops" / "env.sh").read_bytes())
    subprocess.run(["bash", str(script)], check=True, capture_output=True, timeout=30)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert made.pop("JWT_SECRET_SINCE")
    return made


@pytest.mark.parametrize("name", SECRETS)
def test_without_a_secret_nothing_starts_and_the_message_names_it(name: str):
    for missing in ({}, {name: ""}):
        with pytest.raises(NotSet, match=f"{name}: set it in .env; ops/env.sh makes one"):
            load({key: value for key, value in SECRETS.items() if key != name} | missing)


def test_the_secrets_are_those_that_the_script_makes(made_secrets: dict[str, str]):
    assert set(made_secrets) == set(SECRETS)


def test_every_reference_has_a_default_an_alternative_or_is_required():
    references = [match for match in REFERENCE.finditer(TEXT) if match["name"]]
    assert references
    assert [match[0] for match in references if match["operator"] not in (":-", ":?", ":+")] == []


def test_no_secret_has_a_default():
    for name in SECRETS:
        assert re.search(rf"\$\{{{name}\b", TEXT)
        assert not re.search(rf"\$\{{{name}(?!:\?)", TEXT)


def test_no_secret_stands_in_the_file():
    environments = [service.get("environment", {}) for service in RAW.values()]
    secret = [
        (name, value)
        for one in environments
        for name, value in one.items()
        if re.search(r"PASS|SECRET", name)
    ]
    assert secret
    assert [name for name, value in secret if value is not None and ":?" not in value] == []
    assert re.findall(r"://suite:(.{22})", TEXT) == ["${RABBITMQ_PASSWORD:?s"]


@pytest.mark.parametrize("name", [name for name, service in RAW.items() if "environment" in service])
def test_a_container_is_told_nothing_that_it_does_not_know(name: str):
    assert set(RAW[name]["environment"]) <= OF_IMAGES.get(name, KNOWN)


def test_every_setting_of_config_yml_can_be_set_for_the_containers():
    given = {variable for name in PROCESSES for variable in RAW[name]["environment"]}
    assert sorted(KNOWN - FIXED - given) == [], "name these in docker-compose.yml, where they belong"


def test_only_who_needs_them_is_given_the_administrator_s_and_the_mailbox_s_password():
    def given(variable: str) -> list[str]:
        return [name for name in PROCESSES if variable in RAW[name]["environment"]]

    assert given("ADMIN_PASSWORD") == ["users"]
    assert given("EMAIL_PASS") == ["notifications"]


@pytest.mark.parametrize("env", ["development", "production"])
@pytest.mark.parametrize("name", PROCESSES)
def test_the_made_secrets_are_good_enough(
    name: str, env: str, made_secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    config = config_of(name, made_secrets | {"ENV": env}, monkeypatch)
    assert config["ENV"] == env
    assert config["HTTP"]["host"] == "0.0.0.0"
    assert settings.validate(config) == []


def test_the_servers_are_given_the_passwords_that_the_processes_use(monkeypatch: pytest.MonkeyPatch):
    services = load()["services"]
    config = config_of("users", SECRETS, monkeypatch)
    server = services["postgres"]["environment"]
    used = (config["POSTGRES"]["username"], config["POSTGRES"]["password"], config["POSTGRES"]["database"])
    assert used == (server["POSTGRES_USER"], server["POSTGRES_PASSWORD"], server["POSTGRES_DB"])
    broker = services["rabbitmq"]["environment"]
    login = f"{broker['RABBITMQ_DEFAULT_USER']}:{broker['RABBITMQ_DEFAULT_PASS']}"
    assert config["AMQP_URI"] == f"amqp://{login}@rabbitmq:5672/"


def test_servers_of_one_s_own_can_be_named(monkeypatch: pytest.MonkeyPatch):
    own = {"MONGODB_URI": "mongodb://u:p@db.example.org/", "RABBITMQ_URL": "amqps://u:p@mq.example.org/"}
    config = config_of("todos", SECRETS | own, monkeypatch)
    assert (config["MONGODB_URI"], config["AMQP_URI"]) == tuple(own.values())


def test_the_links_in_mails_follow_the_published_port(monkeypatch: pytest.MonkeyPatch):
    for given, url in (
        ({}, "http://localhost:3000"),
        ({"PORT": "8080"}, "http://localhost:8080"),
        ({"PORT": "8080", "PUBLIC_URL": "https://todos.example.org"}, "https://todos.example.org"),
    ):
        config = config_of("gateway", SECRETS | given, monkeypatch)
        assert (config["PUBLIC_URL"], config["HTTP"]["ports"]["gateway"]) == (url, 3000)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "a"), ("${E:-x}", "x"), ("${E-x}", ""), ("${N-x}", "x"), ("${N:-${A:-y}}/z", "a/z"),
        ("${A:+b}", "b"), ("${E:+b}", ""), ("$${A}", "${A}"), ("${N:-u:${A:?m}@h}", "u:a@h"),
        ("${N:-{q}}", "{q}"),
    ],
)  # fmt: skip
def test_references_are_replaced_as_the_specification_says(text: str, result: str):
    assert interpolate(text, {"A": "a", "E": ""}) == result
