"""The roles of ops/roles.sql and ops/kubernetes: one changes tables, one serves and can't, one reads."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from common.postgres import make_engine, migrate
from common.storage import StorageUnavailable
from common.trust import libpq
from ops.backup.postgres import Postgres
from ops.engines import PostgreSQL
from services.users.service import UsersService
from services.users.storage import UserStorage
from tests.integration.conftest import Run
from tests.integration.databases import new_database
from tests.integration.running import make_config
from tests.unit.ops.compose_file import ROOT
from tests.unit.ops.kubernetes_files import FOLDER, read

PASSWORD = "sesame-0123456789"
ROLES = ("users_owner", "users_app", "users_backup")


@pytest.fixture(params=["script", "operator"])
def roles(postgresql: PostgreSQL, request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, Any]]]:
    """The settings of the three roles, for an empty database."""
    for settings in new_database(postgresql):
        made = _by_script(settings) if request.param == "script" else _as_the_operator_does(settings)
        yield {role: settings | {"username": name, "password": PASSWORD} for role, name in made.items()}


def _by_script(settings: dict[str, Any]) -> dict[str, str]:
    script = (ROOT / "ops" / "roles.sql").read_text()
    _run(settings, script, script, *(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'" for role in ROLES))
    return {role.removeprefix("users_"): role for role in ROLES}


def _as_the_operator_does(settings: dict[str, Any]) -> dict[str, str]:
    """As on Kubernetes, under names of this test's own, since roles are the whole server's."""
    (cluster,) = read(FOLDER / "production" / "postgresql.yaml")
    spec, suffix = cluster["spec"], uuid.uuid4().hex[:8]
    owner, roles = spec["bootstrap"]["initdb"]["owner"], [one["name"] for one in spec["managed"]["roles"]]
    made = {name: f"{name}_{suffix}" for name in (owner, *roles)}
    statements = [f"CREATE ROLE {made[owner]}"]
    statements += [f"ALTER DATABASE {settings['database']} OWNER TO {made[owner]}"]
    for statement in spec["bootstrap"]["initdb"]["postInitApplicationSQL"]:
        statements.append(re.sub(r"\busers\w*", lambda found: made[found[0]], statement))
    statements += [f"ALTER ROLE {name} LOGIN PASSWORD '{PASSWORD}'" for name in made.values()]
    _run(settings, *statements)
    return {"owner": made[owner]} | {name.removeprefix("users_"): made[name] for name in roles}


def test_the_service_works_with_a_role_that_can_not_change_the_tables(
    roles: dict[str, dict[str, Any]], vhost_uri: str, run: Run, tmp_path: Path
) -> None:
    storage = UserStorage()
    storage.engine = make_engine(roles["app"], "test")
    with pytest.raises(StorageUnavailable, match=r"run `python -m ops\.migrate`"):
        storage._migrate()
    storage.engine.dispose()
    engine = make_engine(roles["owner"], "test")
    migrate(engine, UserStorage.migrations)
    engine.dispose()
    users = run(UsersService, make_config(AMQP_URI=vhost_uri, POSTGRES=roles["app"]))
    made = users.inject("store", request_id="r-1").users.add(f"{uuid.uuid4().hex}@example.com", "Ada", "h")
    assert made.id
    forbidden = ("DROP TABLE users", "TRUNCATE outbox", "CREATE TABLE x ()", "ALTER TABLE users ADD x int")
    for statement in forbidden:
        with pytest.raises(InsufficientPrivilege):
            _run(roles["app"], statement)
    users.stop()
    database = Postgres(roles["backup"])
    with database.snapshot() as snapshot:
        assert snapshot.rows()["users"] == 1
        database.dump(snapshot, tmp_path / "users.dump")
    assert made.email.encode() in (tmp_path / "users.dump").read_bytes()
    for statement in (*forbidden, "DELETE FROM users", "INSERT INTO alembic_version VALUES ('x')"):
        with pytest.raises(InsufficientPrivilege):
            _run(roles["backup"], statement)


def test_no_login_of_the_suite_reads_the_hashes_of_the_servers_passwords(
    roles: dict[str, dict[str, Any]],
) -> None:
    for settings in roles.values():
        with pytest.raises(InsufficientPrivilege):
            _run(settings, "SELECT rolpassword FROM pg_authid")


def _run(settings: dict[str, Any], *statements: str) -> None:
    connection = psycopg2.connect(**libpq(settings))
    try:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()
