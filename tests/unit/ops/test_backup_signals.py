"""Signals end a command of backups where that is safe, and PostgreSQL's statements with it."""

import signal
import socket
from collections.abc import Iterator

import psycopg2
import pytest

from ops.backup import statements
from ops.backup.signals import Signals, Stopped
from ops.engines.ports import LOOPBACK

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Those of the tests' process, which has its own again afterwards."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    made = Signals()
    made.listen()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_ends_what_is_done_and_another_does_not_disturb_that_end(
    signals: Signals, number: signal.Signals
) -> None:
    with pytest.raises(Stopped):
        signal.raise_signal(number)
    for another in NUMBERS:
        signal.raise_signal(another)


def test_what_is_being_put_away_is_put_away_and_then_nothing_new_is_begun(signals: Signals) -> None:
    with signals.putting_away():
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Stopped):
        signals.go_on()


def test_what_is_done_is_not_called_cut_short(signals: Signals) -> None:
    signals.finish()
    with signals.putting_away():
        pass
    signal.raise_signal(signal.SIGINT)


def test_a_schedule_that_goes_on_after_a_backup_can_be_stopped_again(signals: Signals) -> None:
    signals.finish()
    signals.go_on()
    with pytest.raises(Stopped):
        signal.raise_signal(signal.SIGTERM)


def test_no_library_takes_it_for_a_failure_of_its_own() -> None:
    assert not issubclass(Stopped, Exception)


def test_a_server_that_takes_connections_and_says_nothing_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statements, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(statements, "_LOOK_SECONDS", 0.05)
    refused = pytest.raises(psycopg2.OperationalError, match="timeout expired")
    with socket.create_server((LOOPBACK, 0)) as silent, statements.statements_cut(), refused:
        psycopg2.connect(host=LOOPBACK, port=silent.getsockname()[1], user="a", dbname="b")
