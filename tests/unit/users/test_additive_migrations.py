"""Processes of the version before work with the tables of this one, so a migration only adds to them.

What takes something away comes a version after its last use, and names that version in its script:
``TAKES_AWAY = "pending_email, unused since 0.2"``.
"""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from services.users.storage import UserStorage

_NEW = re.compile(r"CREATE (?:TABLE (?P<table>\w+)|INDEX|FUNCTION)\b")
_OF_A_TABLE = re.compile(
    r"(?:CREATE (?:UNIQUE INDEX|TRIGGER) .*? ON|ALTER TABLE|INSERT INTO) (?P<table>\w+)", re.DOTALL
)
_COLUMN = re.compile(r"ALTER TABLE \w+ ADD COLUMN (?P<about>.*)", re.DOTALL)
_STATEMENT = re.compile(r"(?:\$\$.*?\$\$|[^;$])+", re.DOTALL)


def scripts() -> list[Any]:
    settings = Config()
    settings.set_main_option("script_location", str(UserStorage.migrations))
    return list(ScriptDirectory.from_config(settings).walk_revisions())


def statements(script: Any) -> Iterator[str]:
    """What the script tells PostgreSQL, one statement after the other."""
    written = io.StringIO()
    told = {"as_sql": True, "output_buffer": written}
    with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=told)):
        script.module.upgrade()
    yield from (one.strip() for one in _STATEMENT.findall(written.getvalue()) if one.strip())


def takes_away(sql: list[str]) -> list[str]:
    """The statements after which a process that knows nothing of them may fail."""
    made = {match["table"] for one in sql if (match := _NEW.match(one)) and match["table"]}
    return [one for one in sql if not (_NEW.match(one) or _is_of(made, one) or _is_optional_column(one))]


def _is_of(made: set[str], statement: str) -> bool:
    """Whether it is about a table that nobody knows yet."""
    match = _OF_A_TABLE.match(statement)
    return match is not None and match["table"] in made


def _is_optional_column(statement: str) -> bool:
    """Whether who inserts a row need not name the column."""
    match = _COLUMN.fullmatch(statement)
    return match is not None and ("NOT NULL" not in match["about"] or " DEFAULT " in match["about"])


@pytest.mark.parametrize("script", scripts(), ids=lambda script: script.revision)
def test_a_migration_only_adds_or_says_since_when_what_it_takes_away_is_unused(script: Any) -> None:
    told = list(statements(script))
    assert told
    if not getattr(script.module, "TAKES_AWAY", ""):
        assert takes_away(told) == [], "add in one version, and take away in a later one (docs/operations.md)"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE users ADD COLUMN age INTEGER NOT NULL",
        "ALTER TABLE users ALTER COLUMN name SET NOT NULL",
        "ALTER TABLE users ALTER COLUMN name TYPE VARCHAR(50)",
        "ALTER TABLE users RENAME COLUMN name TO title",
        "ALTER TABLE users DROP COLUMN name",
        "ALTER TABLE users ADD CONSTRAINT c CHECK (name <> '')",
        "CREATE UNIQUE INDEX one ON users (name)",
        "CREATE TRIGGER t BEFORE UPDATE ON users EXECUTE FUNCTION f()",
        "DROP TABLE outbox",
        "UPDATE users SET name = ''",
    ],
)
def test_what_the_version_before_may_stumble_over_is_noticed(statement: str) -> None:
    made = "CREATE TABLE fresh (\n    id UUID NOT NULL\n)"
    added = "ALTER TABLE users ADD COLUMN age INTEGER DEFAULT '0' NOT NULL"
    assert takes_away([made, added, statement, statement.replace("users", "fresh")])[0] == statement
    assert takes_away([made, added, "CREATE TRIGGER t BEFORE UPDATE ON fresh EXECUTE FUNCTION f()"]) == []
