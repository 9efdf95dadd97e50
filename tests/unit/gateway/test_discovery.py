"""What becomes of an instance that falls silent, comes back, or says goodbye."""

from typing import Any

from common.instances import SILENT_SECONDS
from gateway.discovery import FORGOTTEN_SECONDS, KnownInstances


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sign(service: str = "todos", pid: int = 1, started_at: str = "2026-01-01T00:00:00.000Z") -> Any:
    return {
        "service": service, "instance": f"host:{pid}", "host": "host", "pid": pid, "version": "0.1.0",
        "status": "pass", "started_at": started_at, "http_port": 3002, "breakers": {},
    }  # fmt: skip


def statuses(known: KnownInstances) -> dict[str, str]:
    return {one["instance"]: one["status"] for one in known.listing()}


def test_an_instance_is_listed_with_all_that_it_says_and_when_it_was_seen() -> None:
    known = KnownInstances()
    known.alive(sign())
    (found,) = known.listing()
    assert found.pop("last_seen_at").endswith("Z")
    assert found == sign()


def test_instances_are_ordered_by_service_and_start() -> None:
    known = KnownInstances()
    known.alive(sign("users", 3))
    known.alive(sign("todos", 2, "2026-01-02T00:00:00.000Z"))
    known.alive(sign("todos", 9, "2026-01-01T00:00:00.000Z"))
    known.alive(sign("auth", 4))
    assert [(one["service"], one["pid"]) for one in known.listing()] == [
        ("auth", 4), ("todos", 9), ("todos", 2), ("users", 3),
    ]  # fmt: skip


def test_an_instance_that_is_not_heard_is_silent_then_forgotten() -> None:
    now = Clock()
    known = KnownInstances(now)
    known.alive(sign(pid=1))
    now.now += SILENT_SECONDS + 0.1
    known.alive(sign(pid=2))
    assert statuses(known) == {"host:1": "silent", "host:2": "pass"}
    now.now += FORGOTTEN_SECONDS - SILENT_SECONDS
    assert statuses(known) == {"host:2": "silent"}


def test_a_silent_instance_that_is_heard_again_is_well() -> None:
    now = Clock()
    known = KnownInstances(now)
    known.alive(sign())
    now.now += SILENT_SECONDS + 0.1
    known.alive(sign())
    assert statuses(known) == {"host:1": "pass"}


def test_an_instance_that_says_goodbye_is_gone_at_once() -> None:
    known = KnownInstances()
    known.alive(sign(pid=1))
    known.alive(sign(pid=2))
    known.left(sign(pid=1))
    known.left(sign(pid=3))
    assert statuses(known) == {"host:2": "pass"}
