"""The settings of what stands between clients and routes: proxies, origins, rate limits."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import limits

from common import tls
from common.cors import parse_origins
from common.forwarded import parse_networks

STORES = ("memory", "mongodb", "mongodb+srv", "redis", "rediss")
_LONGEST_SECONDS = 31 * 86_400


def problems(config: dict[str, Any]) -> list[str]:
    """Every reason why these settings can't work, a line each that names the variable."""
    given = config["RATE_LIMITS"]
    texts = {name: text for name, text in given.items() if name not in ("enabled", "storage_uri")}
    found = [
        *_unreadable("TRUSTED_PROXIES", config["HTTP"]["trusted_proxies"], parse_networks),
        *_unreadable("CORS_ORIGINS", config["HTTP"]["cors_origins"], parse_origins),
        *_unreadable("RATE_LIMIT_STORAGE_URI", given["storage_uri"], _check_store),
        *tls.problems(config["HTTP"]["tls_cert"], config["HTTP"]["tls_key"]),
    ]
    for name, text in texts.items():
        found += _unreadable(f"RATE_LIMIT_{name.upper().replace('-', '_')}", text, _check_limit)
    if given["enabled"] not in (True, False):
        found.append(f"RATE_LIMIT_ENABLED is {given['enabled']!r}: set it to true or false.")
    return found


def number_limits(config: dict[str, Any]) -> list[tuple[str, Any, int, int]]:
    """The whole numbers among them: variable, value, smallest and largest."""
    http = config["HTTP"]
    return [
        ("HTTP_MAX_CONNECTIONS", http["max_connections"], 1, 1_000_000),
        ("HTTP_REQUESTS_PER_CONNECTION", http["requests_per_connection"], 1, 1_000_000),
        ("HTTP_HEAD_SECONDS", http["head_seconds"], 1, 600),
        ("HTTP_BODY_SECONDS", http["body_seconds"], 1, 3600),
        ("HTTP_IDLE_SECONDS", http["idle_seconds"], 1, 3600),
    ]


def _unreadable(variable: str, text: Any, read: Callable[[str], object]) -> list[str]:
    try:
        read(text)
    except (ValueError, TypeError, AttributeError) as problem:
        return [f"{variable}: {problem}."]
    return []


def _check_limit(text: str) -> None:
    for limit in limits.parse_many(text):
        if limit.amount < 1 or limit.multiples < 1 or limit.get_expiry() > _LONGEST_SECONDS:
            raise ValueError(f"{text!r} is no limit such as 10/minute or 5/10 minutes")


def _check_store(text: str) -> None:
    if not text:
        return
    parts = urlsplit(text)
    if parts.scheme not in STORES or (parts.scheme != "memory" and not parts.hostname):
        raise ValueError("begin with mongodb:// or redis:// and name a host, or leave it empty")
