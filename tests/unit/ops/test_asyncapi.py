"""The AsyncAPI document: every event of the events page, with its fields, its emitter and its listeners."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from common import events, topology
from common.events import ALL, SUBSCRIBERS, Event
from ops.openapi.asyncapi import document

DOCUMENT = document()
SAMPLES: dict[type, Any] = {str: "text", int: 1, bool: True, list: [], dict: {}}


def checker(event: Event) -> Draft202012Validator:
    payload = DOCUMENT["components"]["messages"][event.name]["payload"]
    return Draft202012Validator({**payload, "components": DOCUMENT["components"]})


def made(event: Event) -> dict[str, Any]:
    names = (*event.fields, *event.optional)
    return event.make("r-1", **{name: SAMPLES[events.type_of(name)] for name in names})


def test_every_event_has_a_channel_and_an_emitter() -> None:
    assert set(DOCUMENT["channels"]) == set(DOCUMENT["components"]["messages"]) == {one.name for one in ALL}
    for event in ALL:
        exchange = DOCUMENT["channels"][event.name]["bindings"]["amqp"]["exchange"]
        assert exchange["name"] == f"{event.source}.events"
        assert DOCUMENT["operations"][f"{event.source}.{event.name}"]["action"] == "send"


def test_every_listener_is_told_with_its_queue() -> None:
    listening = {
        f"{service}.{topology.handler_name(event)}": topology.event_queue(event, service).name
        for service, heard in SUBSCRIBERS.items()
        for event in heard
    }
    told = {name: one for name, one in DOCUMENT["operations"].items() if one["action"] == "receive"}

    assert set(told) == set(listening)
    assert all(f"`{queue}`" in told[name]["summary"] for name, queue in listening.items())


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.name)
def test_an_event_as_it_is_made_fits_its_schema(event: Event) -> None:
    assert checker(event).is_valid(made(event))


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.name)
def test_a_field_that_is_missing_or_of_another_type_does_not_fit_unless_it_is_optional(event: Event) -> None:
    body = made(event)
    for name in (*events.ENVELOPE, *event.fields):
        assert not checker(event).is_valid({key: value for key, value in body.items() if key != name})
    for name in (*event.fields, *event.optional):
        assert not checker(event).is_valid({**body, name: 1.5})
    without = {key: value for key, value in body.items() if key not in event.optional}
    assert checker(event).is_valid(without)


@pytest.mark.parametrize("event", ALL, ids=lambda event: event.name)
def test_only_some_fields_may_be_null(event: Event) -> None:
    for name in event.fields:
        assert checker(event).is_valid({**made(event), name: None}) == events.may_be_null(name)
