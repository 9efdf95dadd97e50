"""The page of all events, and whether the services keep to it."""

import json
from datetime import datetime
from typing import Any

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from common import events, topology
from common.delivery import EventHandler
from common.events import Event
from common.mail_kinds import DIGEST, KINDS, TEMPLATES, URGENT
from ops.serve import SERVICES
from services.messaging.service import MessagingService
from services.notifications import emails
from services.notifications.service import NotificationsService
from services.todos.service import TodosService

SERVICE_CLASSES = (MessagingService, NotificationsService, TodosService)


SAMPLES: dict[type, Any] = {int: 1, bool: True, list: [], dict: {}, str: "x"}


def fields_of(event: Event) -> dict[str, Any]:
    return {name: SAMPLES[events._NOT_TEXT.get(name, str)] for name in event.fields}


def handled_by(service: type) -> set[tuple[Event, str]]:
    found: set[tuple[Event, str]] = set()
    for name in dir(service):
        for entrypoint in getattr(getattr(service, name), ENTRYPOINT_EXTENSIONS_ATTR, ()):
            if isinstance(entrypoint, EventHandler):
                found.add((entrypoint.event, name))
    return found


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.name)
def test_an_event_has_its_envelope_and_its_fields(event: Event) -> None:
    made = event.make("r-1", **fields_of(event))
    assert set(made) == {*events.ENVELOPE, *event.fields}
    assert (made["request_id"], made["version"]) == ("r-1", event.version)
    assert datetime.fromisoformat(made["occurred_at"]).tzinfo
    assert json.loads(json.dumps(made)) == made


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.name)
def test_an_event_is_not_made_with_a_field_missing_or_unknown(event: Event) -> None:
    fields = fields_of(event)
    for wrong in ({**fields, "colour": "red"}, dict(list(fields.items())[1:])):
        with pytest.raises(TypeError, match=event.name):
            event.make("r-1", **wrong)


def test_a_field_that_came_later_may_be_missing_and_no_other(event: Event = events.USER_UPDATED) -> None:
    made = event.make("r-1", **fields_of(event), locale="de")
    assert made["locale"] == "de"
    assert "preferences" not in made
    assert not set(event.optional) & set(event.fields)


def test_two_events_have_two_ids() -> None:
    made = [events.USER_DELETED.make("r", user_id="u")["event_id"] for _ in range(2)]
    assert len(set(made)) == 2


def test_every_source_and_every_listener_is_a_service() -> None:
    services = set(SERVICES)
    assert {event.source for event in events.ALL} <= services
    assert set(events.SUBSCRIBERS) <= services
    assert set(topology.SERVICES) == services


@pytest.mark.parametrize("service", SERVICE_CLASSES, ids=lambda service: service.name)
def test_a_service_handles_what_the_page_says_and_nothing_else(service: type) -> None:
    handled = handled_by(service)
    assert {event for event, _ in handled} == set(events.SUBSCRIBERS[service.name])
    assert all(method == topology.handler_name(event) for event, method in handled)


def test_every_listener_of_the_page_is_checked_here() -> None:
    assert {service.name for service in SERVICE_CLASSES} == set(events.SUBSCRIBERS)


def test_an_event_that_somebody_hears_has_to_reach_a_queue() -> None:
    heard = {event for known in events.SUBSCRIBERS.values() for event in known}
    assert {event for event in events.ALL if events.has_subscriber(event.source, event.name)} == heard


def test_the_words_for_mails_are_the_templates_that_there_are() -> None:
    assert set(KINDS) == emails.TEMPLATES
    assert len(KINDS) == len(set(KINDS))
    assert DIGEST not in TEMPLATES
    assert set(URGENT) < set(TEMPLATES)


def test_an_event_that_a_newer_version_has_stored_needs_no_queue() -> None:
    assert not events.has_subscriber("users", "user_levitated")


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.name)
def test_an_event_with_a_field_of_another_type_is_not_taken_for_one(event: Event) -> None:
    made = event.make("r-1", **fields_of(event))
    assert event.problem(made) is None
    for name in ("event_id", *event.fields):
        for wrong in ({"$ne": 1}, None, 1.5, object()):
            if isinstance(wrong, dict) and isinstance(made[name], dict):
                continue
            if wrong is None and name == "new_email":
                continue
            assert name in str(event.problem({**made, name: wrong}))


@pytest.mark.parametrize("event", events.ALL, ids=lambda event: event.name)
@pytest.mark.parametrize("wrong", ["\ud800", "half \udc00 a pair"])
def test_an_event_with_text_that_no_database_takes_is_refused(event: Event, wrong: str) -> None:
    made = event.make("r-1", **fields_of(event))
    texts = [name for name in ("event_id", *event.fields) if events.type_of(name) is str]
    for name in texts:
        assert "can't be stored" in str(event.problem({**made, name: wrong}))
    for odd in ({"deep": [{"in": wrong}]}, {wrong: "a key"}, 2**70):
        assert "can't be stored" in str(event.problem({**made, "unknown": odd}))
