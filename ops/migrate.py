"""``python -m ops.migrate``: the user service's tables, as this version wants them, by their owner."""

import sys

from sqlalchemy.exc import SQLAlchemyError

from common import config as settings
from common.postgres import make_engine, migrate
from common.storage import StorageUnavailable
from services.users.storage import UserStorage


def main() -> None:
    """Migrate with the login of DB_USERNAME, which owns the tables."""
    config = settings.load()
    if problems := settings.validate(config):
        sys.exit("\n".join(problems))
    engine = make_engine(config["POSTGRES"], "migrate")
    try:
        migrate(engine, UserStorage.migrations)
    except StorageUnavailable as problem:
        sys.exit(f"PostgreSQL: {problem}")
    except SQLAlchemyError as problem:
        reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        sys.exit(f"PostgreSQL refuses: {reason}. Check DB_USERNAME, which has to own the tables.")
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
