"""docker-compose.yml as Compose reads it: YAML, then `${NAME}` replaced by the rules of its specification."""

from pathlib import Path
from typing import Any

import pytest
import regex
import yaml

from common import config as settings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE_FILE = ROOT / "docker-compose.yml"
PROCESSES = ("users", "auth", "todos", "messaging", "notifications", "gateway")
SECRETS = {"RABBITMQ_PASSWORD": "r" * 32, "DB_PASSWORD": "d" * 32, "JWT_SECRET": "j" * 64}
REFERENCE = regex.compile(
    r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-+?])(?P<word>(?:[^{}]|(?P<braces>\{(?:[^{}]|(?&braces))*\}))*))?\})"
)


def without_comments(path: Path) -> str:
    """The file's lines that say something."""
    return "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))


KNOWN = set(regex.findall(r"\$\{(\w+)", without_comments(ROOT / "config.yml")))


class NotSet(Exception):
    """A required variable has no value."""


def parse() -> dict[str, Any]:
    """The file as it stands. Not by yaml.safe_load, which Nameko teaches to replace `${NAME}` its own way."""
    document: dict[str, Any] = yaml.load(COMPOSE_FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return document


def load(environment: dict[str, str] | None = None) -> dict[str, Any]:
    """The file with its references replaced; by default only the secrets are set."""
    replaced: dict[str, Any] = _replace(parse(), SECRETS if environment is None else environment)
    return replaced


def environment_of(name: str, environment: dict[str, str]) -> dict[str, str]:
    """What the process in the service's container finds in its environment."""
    service = load(environment)["services"][name]
    told = service["environment"].items()
    values = {key: environment.get(key) if value is None else value for key, value in told}
    prefix = [word for word in service.get("entrypoint", []) if regex.match(r"\w+=", word)]
    return {key: str(value) for key, value in values.items() if value is not None} | dict(
        word.split("=", 1) for word in prefix
    )


def config_of(name: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> settings.Config:
    """The settings as the process in the container reads them; nothing of this machine's is left in them."""
    with monkeypatch.context() as inside:
        for variable in KNOWN:
            inside.delenv(variable, raising=False)
        for variable, value in environment_of(name, environment).items():
            inside.setenv(variable, value)
        return settings.load()


def interpolate(text: str, environment: dict[str, str]) -> str:
    """The text with each reference replaced, those inside a default too."""
    replaced: str = REFERENCE.sub(lambda match: _value(match, environment), text)
    return replaced


def _replace(node: Any, environment: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _replace(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [_replace(value, environment) for value in node]
    return interpolate(node, environment) if isinstance(node, str) else node


def _value(match: Any, environment: dict[str, str]) -> str:
    if match["name"] is None:
        return "$"
    given, operator, word = environment.get(match["name"]), match["operator"] or "", match["word"] or ""
    is_missing = given is None or (operator.startswith(":") and not given)
    if operator.endswith("+"):
        return "" if is_missing else interpolate(word, environment)
    if not is_missing or not operator:
        return given or ""
    if operator.endswith("?"):
        raise NotSet(f"{match['name']}: {word}")
    return interpolate(word, environment)
