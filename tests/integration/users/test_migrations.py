"""The tables go and come back by Alembic alone, and are those of the models."""

import uuid
from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from common.postgres import make_engine, migrate
from services.users.models import Base
from services.users.storage import UserStorage
from tests.integration.running import Running

_INSERT = """INSERT INTO users (id, email, email_key, name, role, disabled, email_verified, password_hash,
    version, created_at, updated_at) VALUES (%s, %s, %s, 'Ada', 'user', false, false, 'h', 1, now(), now())"""


def test_down_to_nothing_and_up_again(config: dict[str, Any], users: Running) -> None:
    engine = make_engine(config["POSTGRES"], "tests")
    with engine.connect() as connection:
        settings = Config(attributes={"connection": connection})
        settings.set_main_option("script_location", str(UserStorage.migrations))
        command.downgrade(settings, "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
        command.upgrade(settings, "head")
        connection.commit()
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
        differences = [
            one for one in compare_metadata(MigrationContext.configure(connection), Base.metadata)
            if "index" not in one[0]
        ]  # fmt: skip
    engine.dispose()
    assert differences == []


def test_the_users_of_the_version_before_get_all_mails_in_english(
    config: dict[str, Any], users: Running, sql: Callable[..., list[Any]]
) -> None:
    engine, user_id = make_engine(config["POSTGRES"], "tests"), str(uuid.uuid4())
    with engine.connect() as connection:
        settings = Config(attributes={"connection": connection})
        settings.set_main_option("script_location", str(UserStorage.migrations))
        command.downgrade(settings, "0001")
        connection.commit()
        sql(_INSERT, user_id, user_id, user_id)
        command.upgrade(settings, "head")
        connection.commit()
    engine.dispose()
    late = str(uuid.uuid4())
    sql(_INSERT, late, late, late)  # as a process of that version does that is still running
    found = sql("SELECT locale, todo_mails, login_mails FROM users WHERE id IN (%s, %s)", user_id, late)
    assert found == [("en", True, True)] * 2


def test_the_tables_of_the_version_after_are_left_as_they_are(
    config: dict[str, Any], users: Running, sql: Callable[..., list[Any]]
) -> None:
    engine, kept = make_engine(config["POSTGRES"], "tests"), sql("SELECT version_num FROM alembic_version")
    sql("UPDATE alembic_version SET version_num = '9999'")
    migrate(engine, UserStorage.migrations)  # as a process does that is started beside newer ones
    found = sql("SELECT version_num FROM alembic_version")
    sql("UPDATE alembic_version SET version_num = %s", *kept[0])
    engine.dispose()
    assert found == [("9999",)]
