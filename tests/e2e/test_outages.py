"""With a part away: health says so in time, and nothing that was accepted is lost."""

import signal
import time
from collections.abc import Callable

import eventlet
import pytest

from ops.engines import RabbitMQ
from ops.engines.mailcatcher import MailCatcher
from tests.e2e.client import Client
from tests.suite import Suite

Eventually = Callable[[Callable[[], bool]], None]


@pytest.mark.parametrize("service", ["auth", "users", "todos", "messaging", "notifications"])
def test_health_answers_within_two_seconds_with_a_silent_service(
    suite: Suite, anyone: Client, service: str
) -> None:
    suite.signal(service, signal.SIGSTOP)
    try:
        time.sleep(1.1)  # the last report is kept for a second
        started = time.monotonic()
        answer = anyone.get("/health")
        seconds = time.monotonic() - started
    finally:
        suite.signal(service, signal.SIGCONT)

    assert answer.status_code == 503
    assert answer.json()["services"][service]["status"] == "fail"
    assert seconds < 2
    suite.wait_ready()


def test_a_mail_server_that_is_away_is_a_warning_and_its_mails_come_later(
    suite: Suite, anyone: Client, mailcatcher: MailCatcher
) -> None:
    mailcatcher.faults(refuse=True)
    try:
        account = anyone.register()
        time.sleep(1.1)
        report = anyone.get("/health")
    finally:
        mailcatcher.faults()

    assert report.status_code == 200
    assert report.json()["services"]["notifications"]["status"] == "warn"
    mailcatcher.wait_for_mail(account.user["email"], "Welcome")
    assert len(mailcatcher.mails(account.user["email"])) == 1


def test_mails_of_a_time_without_messaging_come_when_it_is_back(
    suite: Suite, anyone: Client, mailcatcher: MailCatcher
) -> None:
    suite.signal("messaging")
    accounts = [anyone.register() for _ in range(5)]
    suite.restart("messaging")

    for account in accounts:
        mailcatcher.wait_for_mail(account.user["email"], "Welcome")
        assert len(mailcatcher.mails(account.user["email"])) == 1


def test_processes_killed_at_any_moment_lose_no_mail_and_send_none_twice(
    suite: Suite, anyone: Client, mailcatcher: MailCatcher, eventually: Eventually
) -> None:
    """Each service dies in the middle of the work and is started again, as the process manager does."""
    accounts = []
    for service in ("users", "messaging", "notifications", "messaging", "notifications", "users"):
        accounts += [anyone.register() for _ in range(5)]
        suite.signal(service)
        suite.start(service)
        suite.wait_ready()

    eventually(lambda: all(mailcatcher.mails(account.user["email"]) for account in accounts), seconds=30)
    assert [len(mailcatcher.mails(account.user["email"])) for account in accounts] == [1] * len(accounts)


def test_a_broker_that_restarts_loses_nothing_and_all_processes_live_on(
    suite: Suite, anyone: Client, rabbitmq: RabbitMQ, mailcatcher: MailCatcher
) -> None:
    ada = anyone.register().login()
    todos = [ada.todo(title=f"before {n}") for n in range(5)]
    rabbitmq.restart()
    suite.wait_ready()
    todos += [ada.todo(title=f"after {n}") for n in range(5)]

    assert [process.poll() for process in suite.processes.values()] == [None] * len(suite.processes)
    for todo in todos:
        mailcatcher.wait_for_mail(ada.user["email"], todo["title"], timeout=20)
        assert len(mailcatcher.mails(ada.user["email"], todo["title"])) == 1


def test_a_change_whose_service_dies_over_it_is_not_made_twice_and_a_question_is_answered(
    suite: Suite, anyone: Client
) -> None:
    ada = anyone.register().login()
    suite.signal("todos", signal.SIGSTOP)
    change = eventlet.spawn(ada.post, "/api/todos", {"title": "once or not at all"})
    question = eventlet.spawn(ada.get, "/api/todos")
    eventlet.sleep(0.5)
    suite.signal("todos")
    suite.start("todos")

    # On a machine that is busy the new process may be up only after the call's deadline.
    told = (change.wait().status_code, change.wait().json()["code"])
    late = ((503, "unavailable"), (504, "deadline_exceeded"))
    assert told in ((503, "interrupted"), *late)
    assert (question.wait().status_code, question.wait().json()) == (200, [])
    suite.wait_ready()
    assert ada.get("/api/todos").json() == []
