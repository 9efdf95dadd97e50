"""What travels with a call in Nameko's worker context, and nothing else does.

Nameko keeps *every* AMQP header of a message as context and publishes it again with each outgoing
call; a list of known keys keeps ``x-death`` and strangers' headers out.
"""

import time
from typing import Any

import orjson
from nameko.constants import CALL_ID_STACK_CONTEXT_KEY, HEADER_PREFIX

AUTH_TOKEN = "auth_token"
"""The caller's access token; every service verifies it itself. Never part of an event."""
SERVICE_TOKEN = "service_token"
"""Proof that the caller is one of the services, for the calls that only they may make."""
REQUEST_ID = "request_id"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
DEADLINE = "deadline"
"""Unix time in seconds, as text, after which nobody waits for the answer."""
CLIENT_IP = "client_ip"
USER_AGENT = "user_agent"
BASE_URL = "base_url"
"""Scheme and host under which the client reached the gateway, for absolute links in answers."""

REPEATED = "repeated"
"""Set in a call, and in those that it makes, which may have been carried out by a process that has died."""

CALL_KEYS = (
    AUTH_TOKEN, REQUEST_ID, TRACEPARENT, TRACESTATE, DEADLINE, CLIENT_IP, USER_AGENT, BASE_URL, REPEATED,
)  # fmt: skip
ASKING_KEYS = (AUTH_TOKEN, CLIENT_IP, USER_AGENT, BASE_URL, DEADLINE, REPEATED)
"""What the answer to a call may depend on, beside its arguments."""
EVENT_KEYS = (REQUEST_ID, TRACEPARENT, TRACESTATE)
_INCOMING = frozenset((*CALL_KEYS, SERVICE_TOKEN))
_LONGEST = 4096
PACKED = "suite.context"
_PREFIX = f"{HEADER_PREFIX}."


def received(headers: dict[str, Any]) -> dict[str, Any]:
    """The context in a message's headers: packed into one, or those with Nameko's prefix; cleaned."""
    if PACKED in headers:
        return clean(_unpacked(headers[PACKED]))
    start = len(_PREFIX)
    return clean({key[start:]: value for key, value in headers.items() if key.startswith(_PREFIX)})


def packed(data: dict[str, Any]) -> dict[str, str]:
    """The context as one header: writing and reading nine of them costs as much as the body of a call."""
    return {PACKED: orjson.dumps(data).decode()}


def spelled_out(data: dict[str, Any]) -> dict[str, Any]:
    """The context as the headers that Nameko's own classes read."""
    return {f"{_PREFIX}{key}": value for key, value in data.items()}


def _unpacked(text: Any) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def clean(data: dict[str, Any]) -> dict[str, Any]:
    """Keep the known keys of incoming context data whose values are sane strings.

    A call id stack that is no list of strings is dropped: Nameko joins it outside of any ``try``,
    and the process would die of it.
    """
    kept: dict[str, Any] = {
        key: value
        for key, value in data.items()
        if key in _INCOMING and isinstance(value, str) and len(value) <= _LONGEST
    }
    stack = data.get(CALL_ID_STACK_CONTEXT_KEY)
    if isinstance(stack, list) and all(isinstance(item, str) for item in stack):
        kept[CALL_ID_STACK_CONTEXT_KEY] = stack[-10:]
    return kept


def outgoing(data: dict[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    """The part of a worker's context that goes on with its calls (``CALL_KEYS``) or events."""
    return {key: data[key] for key in keys if data.get(key)}


def remaining(data: dict[str, Any], default: float) -> float:
    """Seconds until the deadline in a worker's context; ``default`` where there is none."""
    if DEADLINE not in data:
        return default  # as in each call that begins at the gateway
    try:
        return float(data[DEADLINE]) - time.time()
    except ValueError:
        return default
