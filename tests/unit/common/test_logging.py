"""A line of the log: who wrote it, for which request, and nothing secret."""

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from common import logging as suite_logging
from common.logging import bind_ids, get_logger, identify, instance

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
COLOUR = re.compile(r"\x1b\[")


class Output(io.StringIO):
    """What was logged since the format was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.handler = logging.StreamHandler(self)

    def use(self, format: str) -> None:
        self.handler.setFormatter(suite_logging.formatter(format))

    def line(self) -> Any:
        return json.loads(self.getvalue().splitlines()[-1])


@pytest.fixture
def output() -> Iterator[Output]:
    output, root = Output(), logging.getLogger()
    before = (root.level, dict(suite_logging._origin))
    root.addHandler(output.handler)
    root.setLevel(logging.DEBUG)
    bind_ids({})
    identify("todos")
    yield output
    root.removeHandler(output.handler)
    root.setLevel(before[0])
    suite_logging._origin.update(before[1])
    bind_ids({})


def test_a_json_line_says_what_happened_where_and_for_which_request(output: Output) -> None:
    output.use("json")
    bind_ids({"request_id": "r-1"})
    get_logger().info("todo_made", todo_id="t-1", count=2)
    line = output.line()
    assert (line["event"], line["level"], line["todo_id"], line["count"]) == ("todo_made", "info", "t-1", 2)
    assert (line["service"], line["instance"], line["request_id"]) == ("todos", instance(), "r-1")
    assert line["timestamp"].endswith("Z")


def test_a_line_of_a_library_looks_the_same(output: Output) -> None:
    output.use("json")
    logging.getLogger("kombu").warning("lost %s of %d", "x", 3)
    line = output.line()
    assert (line["event"], line["level"], line["service"]) == ("lost x of 3", "warning", "todos")


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_secret_is_on_no_line_however_it_came_there(output: Output, format: str) -> None:
    output.use(format)
    log = get_logger()
    log.info("one", password="sesame", nested={"a": [{"refresh_token": "sesame"}]})
    log.info("two", header=f"Bearer {JWT}", uri="amqp://u:sesame@h/", error=ValueError(JWT))
    logging.getLogger("amqp").error("no login at amqp://u:sesame@h with %s", JWT)
    try:
        raise ValueError(f"bad token {JWT} from amqp://u:sesame@h")
    except ValueError:
        log.exception("three")
    shown = output.getvalue()
    assert "sesame" not in shown
    assert JWT not in shown
    assert "ValueError: bad token" in shown
    assert "Traceback" in shown


def test_a_line_is_one_line_even_if_its_values_have_line_breaks(output: Output) -> None:
    for format in ("json", "console"):
        output.truncate(0)
        output.seek(0)
        output.use(format)
        get_logger().info("login_failed", user_agent="x\n2026-01-01 forged\r\nline")
        assert len(output.getvalue().splitlines()) == 1


@pytest.mark.parametrize("format", ["json", "console"])
@pytest.mark.parametrize("value", ["\ud800", 2**70, {1: 2}, float("nan"), [object()]])
def test_no_value_can_keep_a_line_from_being_written(output: Output, format: str, value: Any) -> None:
    output.use(format)
    get_logger().info("odd", value=value)
    assert "odd" in output.getvalue()


def test_what_json_does_not_know_is_written_as_text(output: Output) -> None:
    output.use("json")
    get_logger().info("odd", path=re.compile("x"), raw=b"\xff", some={1})
    assert output.line()["event"] == "odd"


def test_the_console_has_colours_unless_they_are_not_wanted(
    output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    output.use("console")
    get_logger().info("with_colours", todo_id="t-1")
    assert COLOUR.search(output.getvalue())

    output.truncate(0)
    output.seek(0)
    monkeypatch.setenv("NO_COLOR", "1")
    output.use("console")
    get_logger().warning("without_colours", todo_id="t-1")
    assert not COLOUR.search(output.getvalue())
    assert "without_colours" in output.getvalue()
    assert "todo_id=t-1" in output.getvalue()
    assert "todos" in output.getvalue()


WHAT_IS_SHOWN = """
import logging.config
from common import config
from common.log_level import set_level
from common.logging import get_logger
logging.config.dictConfig(config.load()["LOGGING"])
set_level("DEBUG", "u-1")
get_logger().debug("own_line")
for name in ("pymongo.command", "sqlalchemy.engine", "urllib3.connectionpool", "of_another_library"):
    logging.getLogger(name).debug("a statement")
    logging.getLogger(name).warning("a warning")
print(logging.getLogger("pymongo.command").isEnabledFor(logging.DEBUG))
"""


@pytest.mark.parametrize(
    ("environment", "statements"),
    [({"LOG_LEVEL": "DEBUG"}, 0), ({"LOG_LEVEL": "INFO"}, 0), ({"LOG_LEVEL_LIBRARIES": "DEBUG"}, 4)],
)
def test_what_libraries_write_is_shown_from_a_level_of_its_own(
    environment: dict[str, str], statements: int
) -> None:
    """At DEBUG the drivers of the databases write each statement with its values: mails, titles, tokens."""
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WHAT_IS_SHOWN], env=os.environ | environment,
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    assert shown.count("a statement") == statements
    assert shown.count("a warning") == 4
    assert shown.count("own_line") == 1
    assert str(statements > 0) == shown.splitlines()[-1]
