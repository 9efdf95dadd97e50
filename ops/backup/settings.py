"""The settings as they were, without what is secret in them."""

from typing import Any
from urllib.parse import urlsplit

from common.redact import MASK, redact

_SECRET = ("secret", "password", "pass", "private_key", "headers")


def without_secrets(settings: dict[str, Any]) -> dict[str, Any]:
    """A copy for an archive: no secret, no password, no login in an address."""
    shown: dict[str, Any] = redact(_masked(settings))
    return shown


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, name) for item in value]
    if value and any(word in name.lower() for word in _SECRET):
        return MASK
    return _without_login(value) if isinstance(value, str) and "://" in value else value


def _without_login(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return MASK
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
