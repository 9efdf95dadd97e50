"""The AsyncAPI document, made from the events page and from the names that the topology derives."""

from typing import Any

from common import VERSION, events, topology
from common.events import ENVELOPE, SUBSCRIBERS, TRACEPARENT, TRACESTATE, Event

Made = dict[str, Any]
ASYNCAPI = "3.0.0"
_ABOUT = """\
What the services tell each other over RabbitMQ: facts in the past tense, each one flat JSON object.

Each event is stored in the same transaction as the change that it announces, published with confirms,
and delivered at least once; `event_id` stays the same, so that a listener knows what it has seen.
An event goes to the topic exchange of its source, with its name as routing key, and from there into
one durable queue for each listener. Fields that are not required came with a later version.
"""
_TYPES: dict[type, str] = {
    str: "string", int: "integer", bool: "boolean", list: "array", dict: "object",
}  # fmt: skip
_SPECIAL: dict[str, Made] = {
    "event_id": {"type": "string", "format": "uuid", "description": "The same at every delivery."},
    "occurred_at": {"type": "string", "format": "date-time"},
    "request_id": {"type": "string", "description": "The request that brought it about."},
    "todos": {
        "type": "array",
        "description": "A hundred at most; `count` tells how many there are.",
        "items": {
            "type": "object",
            "properties": {
                **{name: {"type": "string"} for name in ("id", "title", "status", "priority")},
                "due_at": {"type": ["string", "null"], "format": "date-time"},
                "change": {
                    "enum": ["created", "updated", "completed", "deleted"],
                    "description": "In a `todo_updated` that tells of several kinds of change, as a bulk call"
                    " may make them in one: what became of this todo in all.",
                },
            },
            "required": ["id", "title", "status", "priority", "due_at"],
        },
    },
}
_PASSED_ON = {"$ref": "#/components/schemas/Envelope"}


def document() -> Made:
    """The whole document."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Todo suite: events", "version": VERSION, "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {event.name: _channel(event) for event in events.ALL},
        "operations": {name: operation for event in events.ALL for name, operation in _operations(event)},
        "components": {
            "messages": {event.name: _message(event) for event in events.ALL},
            "schemas": {"Envelope": _object((*ENVELOPE, TRACEPARENT, TRACESTATE), ENVELOPE)},
        },
    }


def _channel(event: Event) -> Made:
    exchange = {"name": f"{event.source}.events", "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": event.name,
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _operations(event: Event) -> list[tuple[str, Made]]:
    channel = {"channel": {"$ref": f"#/channels/{event.name}"}}
    announced = {"action": "send", "summary": f"{event.source} announces it.", **channel}
    found = [(f"{event.source}.{event.name}", announced)]
    for service, heard in SUBSCRIBERS.items():
        if event in heard:
            queue = topology.event_queue(event, service).name
            taken = {"action": "receive", "summary": f"{service} takes it from the queue `{queue}`."}
            found.append((f"{service}.{topology.handler_name(event)}", {**taken, **channel}))
    return found


def _message(event: Event) -> Made:
    own = _object((*event.fields, *event.optional), event.fields)
    version = {"properties": {"version": {"const": event.version}}}
    return {"name": event.name, "title": event.name, "payload": {"allOf": [_PASSED_ON, own, version]}}


def _object(names: tuple[str, ...], required: tuple[str, ...]) -> Made:
    return {
        "type": "object",
        "properties": {name: _property(name) for name in names},
        "required": [*required],
    }


def _property(name: str) -> Made:
    kind = _TYPES[events.type_of(name)]
    return _SPECIAL.get(name) or {"type": [kind, "null"] if events.may_be_null(name) else kind}
