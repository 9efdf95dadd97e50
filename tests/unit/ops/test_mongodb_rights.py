"""MongoDB's users: one for each service that has a database, in the commands and on Kubernetes the same."""

import json
import re
from typing import Any

import yaml

from ops.mongodb_rights import ROLES, commands
from ops.rights import BACKUP
from services.messaging.storage import MessagingStorage
from services.notifications.storage import DeliveryStorage
from services.todos.storage import TodoStorage
from tests.unit.ops.compose_file import ROOT

CLUSTER: dict[str, Any] = yaml.load(
    (ROOT / "ops/kubernetes/production/mongodb.yaml").read_text(), Loader=yaml.CSafeLoader
)


def test_each_service_has_the_database_that_its_storage_names_and_backups_read_all_of_them() -> None:
    own = {storage.database for storage in (TodoStorage, MessagingStorage, DeliveryStorage)}
    assert set(ROLES) == {*own, "gateway", BACKUP}
    for name in own:
        assert set(ROLES[name]) == {("readWrite", name), ("dbAdmin", name)}
    assert set(ROLES[BACKUP]) == {("read", name) for name in own}


def test_the_commands_make_a_user_with_these_roles_and_ask_for_the_password() -> None:
    pattern = (
        r'db\.getSiblingDB\("admin"\)\.createUser\(\{user: "(\w+)", pwd: passwordPrompt\(\), roles: (.*)\}\)'
    )
    made = dict(re.fullmatch(pattern, line).groups() for line in commands())
    told = {user: [(one["role"], one["db"]) for one in json.loads(roles)] for user, roles in made.items()}
    assert told == {user: list(roles) for user, roles in ROLES.items()}


def test_the_users_on_kubernetes_have_the_same_roles() -> None:
    users = {user["name"]: user["roles"] for user in CLUSTER["spec"]["users"]}
    told = {user: {(one["name"], one["db"]) for one in roles} for user, roles in users.items()}
    assert told == {user: set(roles) for user, roles in ROLES.items()}
