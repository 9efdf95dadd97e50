"""`make logs`: lines of both formats, filtered, in the order of their times."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.logs import BadFilter, Filter, wanted
from ops.runner.log_files import LogFiles

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
CONSOLE = (
    "2026-11-22T13:{minute}:00.000Z [{level:<9}] todos         http_handled           request_id={request}"
)
JSON = '{{"timestamp": "2026-11-22T13:{minute}:00.000000Z", "level": "{level}", "request_id": "{request}"}}'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    kept = LogFiles(tmp_path)
    kept.keep("todos", CONSOLE.format(minute=10, level="info", request="r-1"))
    kept.keep("todos", "\x1b[2m" + CONSOLE.format(minute=30, level="error", request="r-2") + "\x1b[0m")
    kept.keep("todos", "Traceback (most recent call last):")
    kept.keep("todos.2", JSON.format(minute=20, level="warning", request="r-1"))
    kept.keep("auth", JSON.format(minute=40, level="debug", request="r-10"))
    kept.keep("rabbitmq", "not one of ours")
    return tmp_path


def shown(directory: Path, **given: str) -> list[str]:
    """Process and minute of each line that is shown."""
    found = wanted(directory, Filter.of(given, NOW))
    return [f"{text.split()[0]} {text.split('T13:')[1][:2]}" for text in found]


def test_all_lines_come_in_the_order_of_their_times(directory: Path) -> None:
    assert shown(directory) == ["todos 10", "todos.2 20", "todos 30", "auth 40"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SERVICE": "todos"}, ["todos 10", "todos.2 20", "todos 30"]),
        ({"SERVICE": "todos.2"}, ["todos.2 20"]),
        ({"LEVEL": "warning"}, ["todos.2 20", "todos 30"]),
        ({"REQUEST": "r-1"}, ["todos 10", "todos.2 20"]),
        ({"SINCE": "35m"}, ["todos 30", "auth 40"]),
        ({"SINCE": "2026-11-22T13:20"}, ["todos.2 20", "todos 30", "auth 40"]),
        ({"SERVICE": "todos", "LEVEL": "ERROR", "SINCE": "1h"}, ["todos 30"]),
    ],
)
def test_a_filter_leaves_out_the_rest(directory: Path, given: dict[str, str], expected: list[str]) -> None:
    assert shown(directory, **given) == expected


def test_a_traceback_stays_with_its_line_and_colours_are_gone(directory: Path) -> None:
    (text,) = wanted(directory, Filter.of({"LEVEL": "error"}, NOW))
    assert text.endswith("request_id=r-2\nTraceback (most recent call last):")
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "given", [{"LEVEL": "loud"}, {"SINCE": "yesterday"}, {"SERVICE": "todo"}, {"SERVICE": "nope.2"}]
)
def test_a_filter_that_means_nothing_is_refused_by_its_name(given: dict[str, str]) -> None:
    with pytest.raises(BadFilter, match=next(iter(given))):
        Filter.of(given, NOW)
