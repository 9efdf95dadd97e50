"""The tables go and come back by Alembic alone, and are those of the models."""

from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from common.postgres import make_engine
from services.users.models import Base
from services.users.storage import UserStorage
from tests.integration.running import Running


def test_down_to_nothing_and_up_again(config: dict[str, Any], users: Running) -> None:
    engine = make_engine(config["POSTGRES"])
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
