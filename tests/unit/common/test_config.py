"""The settings: what is wrong is told by the name of the variable to set."""

import copy
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common import config as settings

STRONG = "kD8x!2mQz7-Lw0pRt5Yb3Nc9Vf6Hg1Js"


def changed(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    *rooms, last = path.split("/")
    place = config
    for room in rooms:
        place = place[room]
    place[last] = value
    return config


def production(config: dict[str, Any]) -> dict[str, Any]:
    safe = {"ENV": "production", "JWT_SECRET": STRONG, "AMQP_URI": f"amqp://suite:{STRONG}@broker:5672/"}
    return changed(config | safe, "POSTGRES/password", STRONG)


def test_the_settings_as_shipped_can_work(config: dict[str, Any]) -> None:
    assert settings.validate(config) == []


def test_good_settings_of_a_production_can_work(config: dict[str, Any]) -> None:
    assert settings.validate(production(config)) == []


NO_MONGODB = (
    "foo", "", "127.0.0.1:27017", "http://db/", "mongodb://", "mongodb:///todos", "mongodb://me:secret@/",
    "mongodb://a,/", "mongodb://a:0/", "mongodb://a:66000/", "mongodb://a:port/", "mongodb:db",
)  # fmt: skip
NO_PAGE = (
    "foo",
    "localhost:3000",
    "ftp://host/",
    "http://",
    "https:///todos",
    "http://a b/",
    "http://a:66000",
)
WRONG = [
    ("ENV", "ENV", "prod"), ("ENV", "ENV", ""), ("LOG_FORMAT", "LOG_FORMAT", "xml"),
    ("JWT_SECRET_SINCE", "JWT_SECRET_SINCE", "May"), ("LOG_ACCESS_SAMPLE", "LOG_ACCESS_SAMPLE", "half"),
    ("OTEL_TRACES_SAMPLER_ARG", "OTEL/share", -1), ("OTEL_TRACES_SAMPLER_ARG", "OTEL/share", "always"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL/endpoint", "collector:4317"),
    ("LOG_ACCESS_SAMPLE", "LOG_ACCESS_SAMPLE", 1.5), ("LOG_ACCESS_SAMPLE", "LOG_ACCESS_SAMPLE", True),
    ("EVENT_QUEUE_TYPE", "EVENT_QUEUE_TYPE", "stream"),
    ("LOG_LEVEL", "LOG_LEVEL", "LOUD"), ("LOG_LEVEL", "LOG_LEVEL", "debug"),
    ("LOG_LEVEL_LIBRARIES", "LOG_LEVEL_LIBRARIES", "QUIET"),
    ("JWT_EXPIRES_IN", "JWT_EXPIRES_IN", "a day"),
    ("JWT_EXPIRES_IN", "JWT_EXPIRES_IN", "999999999w"), ("REFRESH_EXPIRES_IN", "REFRESH_EXPIRES_IN", "0"),
    ("BCRYPT_ROUNDS", "BCRYPT_ROUNDS", 3), ("BCRYPT_ROUNDS", "BCRYPT_ROUNDS", "twelve"),
    ("REFRESH_IDLE_EXPIRES_IN", "REFRESH_IDLE_EXPIRES_IN", "never"),
    ("LOGIN_FREE_GUESSES", "LOGIN_FREE_GUESSES", 0), ("LOGIN_FREE_GUESSES", "LOGIN_FREE_GUESSES", "few"),
    ("BCRYPT_ROUNDS", "BCRYPT_ROUNDS", 12.5), ("BCRYPT_ROUNDS", "BCRYPT_ROUNDS", True),
    ("DB_PORT", "POSTGRES/port", 0), ("DB_PORT", "POSTGRES/port", None), ("MAX_WORKERS", "max_workers", 0),
    ("RETRY_MAX_ATTEMPTS", "RETRY/max_attempts", 0), ("RETRY_BASE_SECONDS", "RETRY/base_seconds", "1s"),
    ("RETRY_BASE_SECONDS", "RETRY/base_seconds", -1), ("RETRY_CAP_SECONDS", "RETRY/cap_seconds", 0),
    ("RETRY_CAP_SECONDS", "RETRY/cap_seconds", float("nan")), ("RPC_DEADLINE", "RPC_DEADLINE", "soon"),
    ("MAX_BODY_BYTES", "HTTP/max_body_bytes", "1MB"), ("PORT", "HTTP/ports/gateway", 65536),
    ("USERS_PORT", "HTTP/ports/users", -1), ("MESSAGING_PORT", "HTTP/ports/messaging", "3006x"),
    ("RABBITMQ_URL", "AMQP_URI", "http://broker"), ("RABBITMQ_URL", "AMQP_URI", ""),
    ("RABBITMQ_URL", "AMQP_URI", "amqp://[broken"), ("RABBITMQ_URL", "AMQP_URI", "amqp://h:99999/"),
    *(("MONGODB_URI", "MONGODB_URI", wrong) for wrong in NO_MONGODB),
    *(("PUBLIC_URL", "PUBLIC_URL", wrong) for wrong in (*NO_PAGE, "", "https://todos.example.org/?a=b")),
    *(("RABBITMQ_MANAGEMENT_URL", "RABBITMQ_MANAGEMENT_URL", wrong) for wrong in NO_PAGE),
    ("RABBITMQ_URL", "AMQP_URI", "amqp:///"), ("ADMIN_PASSWORD", "ADMIN_EMAIL", "root@example.com"),
    ("ADMIN_EMAIL", "ADMIN_PASSWORD", "sesame"),
    *(
        ("RECIPIENT_RATE_LIMIT", "RECIPIENT_RATE_LIMIT", wrong)
        for wrong in ("many", "200", 200, "0/hour", "-1/hour", "10001/hour", "1/hour; 5/day", "1/fortnight")
    ),
    *(("REMIND_BEFORE", "REMIND_BEFORE", wrong) for wrong in ("soon", "-1h", "", "0h", None, "99999w")),
    ("TRUSTED_PROXIES", "HTTP/trusted_proxies", "10.0.0.0/8, proxy"),
    ("TRUSTED_PROXIES", "HTTP/trusted_proxies", "10.0.0.1/8"),
    ("CORS_ORIGINS", "HTTP/cors_origins", "app.example.org"),
    ("CORS_ORIGINS", "HTTP/cors_origins", "https://app.example.org/path"),
    ("CORS_ORIGINS", "HTTP/cors_origins", "* https://app.example.org"),
    ("RATE_LIMIT_ENABLED", "RATE_LIMITS/enabled", "sometimes"),
    ("RATE_LIMIT_ENABLED", "RATE_LIMITS/enabled", None),
    ("RATE_LIMIT_STORAGE_URI", "RATE_LIMITS/storage_uri", "postgresql://db/"),
    ("RATE_LIMIT_STORAGE_URI", "RATE_LIMITS/storage_uri", "redis:///0"),
    ("RATE_LIMIT_STORAGE_URI", "RATE_LIMITS/storage_uri", "redis://[broken"),
    ("RATE_LIMIT_USER", "RATE_LIMITS/user", "often"), ("RATE_LIMIT_USER", "RATE_LIMITS/user", ""),
    ("RATE_LIMIT_LOGIN_ADDRESS", "RATE_LIMITS/login-address", "10/fortnight"),
    ("RATE_LIMIT_LOGIN", "RATE_LIMITS/login", "0/minute"), ("RATE_LIMIT_LOGIN", "RATE_LIMITS/login", 10),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "path", "value"), WRONG)
def test_a_wrong_setting_is_told_in_one_line_that_names_its_variable(
    config: dict[str, Any], variable: str, path: str, value: Any
) -> None:
    problems = settings.validate(changed(config, path, value))
    assert len(problems) == 1
    assert variable in problems[0]
    assert "\n" not in problems[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONGODB_URI", "mongodb://me:a%40b@one:27017,two:27018,[::1]:27019/?replicaSet=rs&tls=false"),
        ("MONGODB_URI", "mongodb+srv://me:secret@cluster.example.org/?retryWrites=true"),
        ("MONGODB_URI", "mongodb://%2Ftmp%2Fmongodb-27017.sock"), ("PUBLIC_URL", "http://localhost:0"),
        ("PUBLIC_URL", "https://example.org/todos/"), ("RABBITMQ_MANAGEMENT_URL", "https://rabbitmq:15671"),
    ],
)  # fmt: skip
def test_an_address_that_can_be_one_is_not_refused(config: dict[str, Any], variable: str, value: str) -> None:
    assert settings.validate(config | {variable: value}) == []


def test_reminders_come_an_hour_before_unless_another_time_is_set_or_none(config: dict[str, Any]) -> None:
    assert settings.remind_before(config) == timedelta(hours=1)
    assert settings.remind_before(config | {"REMIND_BEFORE": "2d"}) == timedelta(days=2)
    for off in ("0", 0):
        assert settings.validate(config | {"REMIND_BEFORE": off}) == []
        assert settings.remind_before(config | {"REMIND_BEFORE": off}) is None


def test_all_that_is_wrong_is_told_at_once(config: dict[str, Any]) -> None:
    wrong = changed(changed(config, "ENV", "x"), "RETRY/max_attempts", 0) | {"LOG_FORMAT": "xml"}
    assert len(settings.validate(wrong)) == 3


@pytest.mark.parametrize(
    ("variable", "path", "value"),
    [
        ("JWT_SECRET", "JWT_SECRET", ""), ("JWT_SECRET", "JWT_SECRET", "short"),
        ("JWT_SECRET", "JWT_SECRET", "a" * 64), ("JWT_SECRET", "JWT_SECRET", "Your-256-Bit-Secret"),
        ("JWT_SECRET", "JWT_SECRET", "a-string-secret-at-least-256-bits-long"),
        ("JWT_SECRET", "JWT_SECRET", "your-super-secret-jwt-key-change-this-in-production"),
        ("JWT_SECRET", "JWT_SECRET", "ThisIsMySuperSecretKeyForJwtTokens2024!"),
        ("JWT_SECRET", "JWT_SECRET", "my_jwt_secret_that_is_long_enough_for_hs256"),
        ("JWT_SECRET", "JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("JWT_SECRET", "JWT_SECRET", "CHANGE_ME_TO_SOMETHING_LONG_AND_RANDOM"),
        ("JWT_SECRET", "JWT_SECRET", "debugPhaseTotallyAccurateSecretKey69"),
        ("JWT_SECRET", "JWT_SECRET", "f31f034400b03dba85bdac5ee052cad2"),
        ("DB_PASSWORD", "POSTGRES/password", ""), ("DB_PASSWORD", "POSTGRES/password", "Postgres"),
        ("RABBITMQ_URL", "AMQP_URI", "amqp://guest:guest@h/"), ("RABBITMQ_URL", "AMQP_URI", "amqp://h/"),
        ("RABBITMQ_URL", "AMQP_URI", "amqp://suite:CHANGEME@h/"),
    ],
)  # fmt: skip
def test_a_production_does_not_start_with_a_weak_secret(
    config: dict[str, Any], variable: str, path: str, value: str
) -> None:
    problems = settings.validate(changed(production(config), path, value))
    assert len(problems) == 1
    assert problems[0].startswith(variable)
    assert len(value) < 6 or value not in problems[0]


@pytest.mark.parametrize("secret", ["ae32f8ed4faa6a3e22bdb0c34d9e6a49", "p37OJ59VxMdG7-P2NPCRzcPTCWCRTEPX"])
def test_a_secret_that_only_looks_like_those_of_the_list_starts(config: dict[str, Any], secret: str) -> None:
    assert settings.validate(changed(production(config), "JWT_SECRET", secret)) == []


def test_variables_replace_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "0123456")
    monkeypatch.setenv("DB_PASSWORD", "ab #cd")
    monkeypatch.setenv("MESSAGING_SERVICE_PORT", "4006")
    found = settings.load()
    assert found["JWT_SECRET"] == "0123456"
    assert found["POSTGRES"]["password"] == "ab #cd"
    assert found["HTTP"]["ports"]["messaging"] == 4006


def test_in_development_a_secret_is_made_once_for_its_owner_only(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "secrets" / "jwt_secret"
    monkeypatch.setattr(settings, "SECRET_FILE", kept)
    first = settings.jwt_secret(config | {"JWT_SECRET": ""})
    assert settings.jwt_secret(config | {"JWT_SECRET": ""}) == first
    assert len(first) >= 43
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert os.listdir(kept.parent) == ["jwt_secret"]


def test_of_two_that_make_a_secret_at_once_the_first_one_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "jwt_secret"
    monkeypatch.setattr(settings, "SECRET_FILE", kept)
    kept.write_text("the first")
    settings._make_secret()
    assert kept.read_text() == "the first"


def test_a_production_makes_no_secret(config: dict[str, Any]) -> None:
    assert settings.jwt_secret(config | {"JWT_SECRET": "", "ENV": "production"}) == ""


@pytest.mark.parametrize(("lifetime", "fine"), [("24h", True), ("15m", True), ("25h", False), ("30d", False)])
def test_access_tokens_of_a_production_live_a_day_at_most(
    config: dict[str, Any], lifetime: str, fine: bool
) -> None:
    found = settings.validate(production(config) | {"JWT_EXPIRES_IN": lifetime})
    assert ["JWT_EXPIRES_IN" in one for one in found] == ([] if fine else [True])
