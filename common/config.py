"""The settings: read from ``config.yml``, checked once, before anything starts.

``validate`` answers with sentences that name the variable to set, since an operator reads them and
not this code.
"""

import contextlib
import os
import secrets
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import limits
import yaml

from common import address_settings, clock, edge_settings, keys, known_secrets, secrets_in_files, trust
from common.addresses import is_email
from common.env_yaml import setup_yaml_parser
from common.keys import KeySet

Config = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
SECRET_FILE = LOCAL / "secrets" / "jwt_secret"
_SHORTEST_SECRET = 32
_SHORTEST_PASSWORD = 8
_LONGEST_LIFETIME = timedelta(hours=24)
_LARGEST_AMOUNT = 10_000
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_WELL_KNOWN = {
    "", "guest", "postgres", "password", "secret", "changeme", "change-me", "changethis", "admin", "root",
    "your_password",
    "your-super-secret-jwt-key", "your-256-bit-secret", "a-string-secret-at-least-256-bits-long",
}  # fmt: skip
_PLACEHOLDERS = (
    "changeme", "change-me", "change_me", "change-this", "change_this", "changethis", "replace-me",
    "replace_me", "replace-this", "replace_this", "placeholder", "example", "your-secret", "your_secret",
    "yoursecret", "your-jwt", "your_jwt", "your-super", "your_super", "super-secret", "super_secret",
    "supersecret", "secret-key", "secret_key", "secretkey", "jwt-secret", "jwt_secret", "jwtsecret",
    "string-secret", "private-key", "0123456789abcdef", "1234567890",
)  # fmt: skip
"""Words of the secrets that documentation and tutorials show, and that no random one has in it."""


class BadSetting(Exception):
    """A setting that can't work, in one line that names its variable: the process must not start."""


def load(path: str | Path = ROOT / "config.yml") -> Config:
    """Read the settings file, ``${NAME:default}`` replaced from the environment as Nameko does it."""
    setup_yaml_parser()
    with secrets_in_files.in_environment() as problems, open(path, encoding="utf-8") as handle:
        config: Config = yaml.safe_load(handle)
    return trust.complete({**config, "UNREAD_FILES": problems})


def jwt_secret(config: Config) -> str:
    """The signing secret; in development one is made once and kept, readable by its owner only."""
    if config["JWT_SECRET"] or config["ENV"] == "production":
        return str(config["JWT_SECRET"])
    if not SECRET_FILE.exists():
        _make_secret()
    return SECRET_FILE.read_text().strip()


def jwt_secrets(config: Config) -> list[str]:
    """The signing secret and, if there is one, the secret before, whose tokens are accepted still."""
    previous = str(config.get("JWT_SECRET_PREVIOUS") or "")
    return [jwt_secret(config), *([previous] if previous else [])]


def internal_keys(config: Config) -> KeySet:
    """What the suite's own processes sign for each other with."""
    return KeySet(keys.shared_keys(jwt_secrets(config)))


def access_keys(config: Config) -> KeySet:
    """What access tokens are signed with: the secret, or with another algorithm a key that has a public half.

    The secret before counts with both, so that a suite can go over to such a key.
    """
    algorithm = config.get("JWT_ALGORITHM", keys.SHARED)
    if algorithm == keys.SHARED:
        return internal_keys(config)
    files = keys.paths(config["JWT_PUBLIC_KEYS"])
    public = keys.public_keys(algorithm, config["JWT_PRIVATE_KEY"], files)
    return KeySet((*public, *keys.shared_keys(jwt_secrets(config)[1:])))


def _make_secret() -> None:
    # Written aside and linked: of six processes that start together one makes it, and none reads half.
    SECRET_FILE.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = SECRET_FILE.with_name(f"{SECRET_FILE.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    with contextlib.suppress(FileExistsError):
        os.link(aside, SECRET_FILE)
    aside.unlink()


def recipient_limit(config: Config) -> limits.RateLimitItem | None:
    """How many mails one address may get, such as ``200/hour``; None for no limit."""
    text = str(config["RECIPIENT_RATE_LIMIT"] or "").strip()
    if not text:
        return None
    limit, *more = limits.parse_many(text)
    if more or not 1 <= limit.amount <= _LARGEST_AMOUNT:
        raise ValueError(f"{text!r} is not one limit from 1 to {_LARGEST_AMOUNT}")
    return limit


def remind_before(config: Config) -> timedelta | None:
    """How long before its due date the owner of a todo is reminded; None for not at all."""
    text = str(config["REMIND_BEFORE"]).strip()
    return None if text == "0" else clock.parse_duration(text)


def validate(config: Config) -> list[str]:
    """Every reason why these settings can't work, a line each; an empty list when they can."""
    if config.get("UNREAD_FILES"):
        return list(config["UNREAD_FILES"])
    return [
        *_shape_problems(config),
        *(_production_problems(config) if config["ENV"] == "production" else []),
    ]


def _shape_problems(config: Config) -> list[str]:
    problems = []
    if config["ENV"] not in ("development", "production"):
        problems.append(f"ENV is {config['ENV']!r}: set it to development or production.")
    if config["RPC_TRANSPORT"] not in ("fast", "stock"):
        problems.append(f"RPC_TRANSPORT is {config['RPC_TRANSPORT']!r}: set it to fast or stock.")
    if config["EVENT_QUEUE_TYPE"] not in ("classic", "quorum"):
        problems.append(f"EVENT_QUEUE_TYPE is {config['EVENT_QUEUE_TYPE']!r}: set it to classic or quorum.")
    if config["LOG_FORMAT"] not in ("console", "json"):
        problems.append(f"LOG_FORMAT is {config['LOG_FORMAT']!r}: set it to console or json.")
    problems += _observing_problems(config)
    for name in ("JWT_EXPIRES_IN", "REFRESH_EXPIRES_IN", "REFRESH_IDLE_EXPIRES_IN", "REMEMBER_FOR"):
        try:
            clock.parse_duration(config[name])
        except ValueError as problem:
            problems.append(f"{name}: {problem}.")
    try:
        remind_before(config)
    except ValueError as problem:
        problems.append(f"REMIND_BEFORE: {problem}, or 0 for no reminders.")
    try:
        recipient_limit(config)
    except ValueError:
        problems.append(
            f"RECIPIENT_RATE_LIMIT is {config['RECIPIENT_RATE_LIMIT']!r}: write a number from 1 to"
            f" {_LARGEST_AMOUNT} and a time, such as 200/hour or 5 per 10 minutes, or nothing for no limit."
        )
    problems += _number_problems(config)
    problems += edge_settings.problems(config)
    problems += keys.problems(config)
    problems += trust.problems(config)
    problems += address_settings.problems(config)
    if bool(config["ADMIN_EMAIL"]) != bool(config["ADMIN_PASSWORD"]):
        problems.append("ADMIN_EMAIL and ADMIN_PASSWORD go together: set both or neither.")
    if config["ADMIN_EMAIL"] and not is_email(config["ADMIN_EMAIL"]):
        problems.append(f"ADMIN_EMAIL is {config['ADMIN_EMAIL']!r}: it must be an e-mail address.")
    return problems


def _observing_problems(config: Config) -> list[str]:
    shares = (
        ("LOG_ACCESS_SAMPLE", config["LOG_ACCESS_SAMPLE"]),
        ("OTEL_TRACES_SAMPLER_ARG", config["OTEL"]["share"]),
    )
    problems = [
        f"{name} is no share: write a number from 0 to 1, such as 0.05."
        for name, share in shares
        if not _is_share(share)
    ]
    problems += [
        f"{name} is {config[name]!r}: set it to one of {', '.join(LEVELS)}."
        for name in ("LOG_LEVEL", "LOG_LEVEL_LIBRARIES")
        if config[name] not in LEVELS
    ]
    endpoint = str(config["OTEL"]["endpoint"])
    if endpoint and not endpoint.startswith(("http://", "https://")):
        problems.append("OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://.")
    if config["JWT_SECRET_SINCE"] and not _is_day(config["JWT_SECRET_SINCE"]):
        problems.append("JWT_SECRET_SINCE is no day: write one such as 2026-11-22, or nothing.")
    return problems


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _number_problems(config: Config) -> list[str]:
    limits: list[tuple[str, Any, int, int]] = [
        ("BCRYPT_ROUNDS", config["BCRYPT_ROUNDS"], 4, 20),
        ("LOGIN_FREE_GUESSES", config["LOGIN_FREE_GUESSES"], 1, 1000),
        ("DB_PORT", config["POSTGRES"]["port"], 1, 65535),
        ("MAX_WORKERS", config["max_workers"], 1, 10_000),
        ("REQUEST_NICENESS", config["REQUEST_NICENESS"], 0, 19),
        ("BACKGROUND_NICENESS", config["BACKGROUND_NICENESS"], 0, 19),
        ("GATEWAY_WORKERS", config["HTTP"]["gateway_workers"], 1, 10_000),
        ("MAX_BODY_BYTES", config["HTTP"]["max_body_bytes"], 1024, 2**30),
        *edge_settings.number_limits(config),
        ("RETRY_MAX_ATTEMPTS", config["RETRY"]["max_attempts"], 1, 100),
    ]
    for service, port in config["HTTP"]["ports"].items():
        limits.append(("PORT" if service == "gateway" else f"{service.upper()}_PORT", port, 0, 65535))
    return [
        *(
            f"{name} is {value!r}: it must be a whole number from {low} to {high}."
            for name, value, low, high in limits
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high
        ),
        *_seconds_problems(config),
    ]


def _seconds_problems(config: Config) -> list[str]:
    limits = [
        ("RETRY_BASE_SECONDS", config["RETRY"]["base_seconds"], 3600),
        ("RETRY_CAP_SECONDS", config["RETRY"]["cap_seconds"], 86_400),
        ("RPC_DEADLINE", config["RPC_DEADLINE"], 600),
    ]
    return [
        f"{name} is {value!r}: it must be a number of seconds, more than 0 and at most {most}."
        for name, value, most in limits
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most
    ]


def _production_problems(config: Config) -> list[str]:
    problems = []
    if _is_guessable(str(config["JWT_SECRET"])):
        problems.append(
            f"JWT_SECRET is missing, well known or shorter than {_SHORTEST_SECRET} bytes:"
            " set a random one, such as the output of `openssl rand -base64 48`."
        )
    if _is_long(config["JWT_EXPIRES_IN"]):
        problems.append("JWT_EXPIRES_IN is more than 24h: refresh tokens are for longer.")
    previous = str(config.get("JWT_SECRET_PREVIOUS") or "")
    if previous and _is_guessable(previous):
        problems.append("JWT_SECRET_PREVIOUS is well known or short: what it has signed can't be accepted.")
    if _is_weak(config["POSTGRES"]["password"]):
        problems.append("DB_PASSWORD is missing, short or well known: set the database's real password.")
    if address_settings.is_amqp(config["AMQP_URI"]) and _is_weak(urlsplit(config["AMQP_URI"]).password or ""):
        problems.append("RABBITMQ_URL has no password, or a short or well-known one: set a real one.")
    return problems


def _is_weak(password: object) -> bool:
    return str(password).lower() in _WELL_KNOWN or len(str(password)) < _SHORTEST_PASSWORD


def _is_guessable(secret: str) -> bool:
    plain = secret.lower()
    is_shown = plain in _WELL_KNOWN or any(word in plain for word in _PLACEHOLDERS)
    is_poor = len(secret.encode()) < _SHORTEST_SECRET or len(set(secret)) < 8
    return is_shown or is_poor or known_secrets.is_listed(secret)


def _is_long(lifetime: Any) -> bool:
    try:
        return clock.parse_duration(lifetime) > _LONGEST_LIFETIME
    except ValueError:
        return False  # which is a problem of its own
