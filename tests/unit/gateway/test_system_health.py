"""The report on the whole suite, made of its parts."""

import time
from typing import Any

import eventlet
import pytest

from common.errors import DeadlineExceeded, Unavailable
from gateway.system_health import ask, blaming_broker, report, wait_for

DEPENDENCIES = {"mongodb": {"status": "pass", "latency_ms": 0.4}}


def part(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "latency_ms": 1.0, "dependencies": {}, **more}


def test_a_service_is_as_well_as_it_says() -> None:
    found = ask(lambda: {"status": "warn", "version": "1", "dependencies": DEPENDENCIES})

    assert found["status"] == "warn"
    assert found["dependencies"] == DEPENDENCIES
    assert set(found) == {"status", "latency_ms", "dependencies"}


@pytest.mark.parametrize(
    ("problem", "detail"),
    [
        (DeadlineExceeded("deadline_exceeded", "Too late."), "no answer in time"),
        (Unavailable("unavailable", "Not there."), "not reachable"),
        (RuntimeError("amqp://guest:secret@10.0.0.7"), "not reachable"),
    ],
)
def test_a_service_that_does_not_answer_fails_and_its_error_is_not_shown(
    problem: Exception, detail: str
) -> None:
    def health() -> dict[str, Any]:
        raise problem

    found = ask(health)

    assert found.pop("latency_ms") >= 0
    assert found == {"status": "fail", "dependencies": {}, "detail": detail}


def test_an_answer_that_is_no_report_fails() -> None:
    assert ask(lambda: {})["status"] == "fail"


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [(("pass", "pass"), "pass"), (("pass", "warn"), "warn"), (("warn", "fail"), "fail")],
)
def test_the_whole_is_as_bad_as_its_worst_part(statuses: tuple[str, str], whole: str) -> None:
    answers = {"auth": part(statuses[0]), "users": part(statuses[1])}

    assert report(answers, {"auth": 1, "users": 1})["status"] == whole


def test_the_report_has_the_shape_that_operators_rely_on() -> None:
    found = report({"auth": part("pass")}, {"auth": 2})

    assert set(found) == {"status", "version", "checked_at", "services"}
    assert found["services"] == {"auth": {**part("pass"), "instances": 2}}


def test_instances_that_can_not_be_counted_are_unknown() -> None:
    found = report({"auth": part("fail", detail="not reachable")}, {"auth": None})

    assert found["services"]["auth"]["instances"] is None


def test_a_service_that_came_up_while_the_instances_were_counted_is_one() -> None:
    answers = {"auth": part("pass"), "users": part("fail", detail="no answer in time")}
    found = report(answers, {"auth": 0, "users": 0})

    assert found["services"]["auth"]["instances"] == 1
    assert found["services"]["users"]["instances"] == 0


def test_a_service_that_the_broker_keeps_from_being_asked_names_the_broker() -> None:
    found = blaming_broker(part("fail", detail="not reachable"), "The broker is not available.")

    broker = {"status": "fail", "latency_ms": 1.0, "detail": "The broker is not available."}
    assert found == part(
        "fail", detail="can't be asked without the broker", dependencies={"rabbitmq": broker}
    )


def test_a_probe_that_never_ends_does_not_hold_up_the_report() -> None:
    ended: list[int] = []
    threads = [eventlet.spawn(eventlet.sleep, 60), eventlet.spawn(ended.append, 1)]
    started = time.monotonic()
    wait_for(threads, 0.1)

    assert time.monotonic() - started < 1
    assert ended == [1]
    threads[0].kill()
