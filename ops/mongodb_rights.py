"""``python -m ops.mongodb_rights``: a MongoDB user for each service, who reaches its own database alone.

And one for who makes backups, who reads all of them. Prints the lines for mongosh.
"""

import json

from ops.backup.mongo import DATABASES
from ops.rights import BACKUP

Roles = tuple[tuple[str, str], ...]
ROLES: dict[str, Roles] = {
    # Validators and expiries are changed in place, which takes dbAdmin.
    **{name: (("readWrite", name), ("dbAdmin", name)) for name in DATABASES},
    "gateway": (("readWrite", "rate_limits"),),
    BACKUP: tuple(("read", name) for name in DATABASES),
}
"""The roles of each user and their databases."""


def commands() -> list[str]:
    """A line for each user; mongosh asks for the password."""
    return [
        f'db.getSiblingDB("admin").createUser({{user: "{user}", pwd: passwordPrompt(), roles: {told}}})'
        for user, told in ((user, _written(roles)) for user, roles in ROLES.items())
    ]


def _written(roles: Roles) -> str:
    return json.dumps([{"role": role, "db": database} for role, database in roles])


if __name__ == "__main__":
    print("\n".join(commands()))
