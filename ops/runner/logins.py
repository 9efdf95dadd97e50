"""Whether the configured logins work, asked once the servers answer."""

from typing import Any

import kombu
import psycopg2
from amqp.exceptions import AccessRefused, AMQPError, NotAllowed
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from common.trust import libpq
from ops.runner.refusal import CannotRun

TIMEOUT_SECONDS = 5
MONGODB_LOGIN_CODES = (13, 18)


def check_logins(config: dict[str, Any]) -> None:
    """Tries each; the first that fails ends the run."""
    check_rabbitmq(config["AMQP_URI"], config.get("AMQP_SSL"))
    check_postgresql(config["POSTGRES"])
    check_mongodb(config["MONGODB_URI"])


def check_rabbitmq(uri: str, tls: dict[str, Any] | None = None) -> None:
    """Logs in to the broker's virtual host."""
    connection = kombu.Connection(uri, ssl=tls, connect_timeout=TIMEOUT_SECONDS)
    try:
        connection.connect()
    except AccessRefused as error:
        raise CannotRun(
            f"RabbitMQ refuses the login of {connection.userid!r}: correct user and password in RABBITMQ_URL."
        ) from error
    except NotAllowed as error:
        raise CannotRun(
            f"RabbitMQ has no virtual host {connection.virtual_host!r} for {connection.userid!r}: "
            "make it, or correct RABBITMQ_URL."
        ) from error
    except (OSError, AMQPError) as error:
        raise CannotRun(f"RabbitMQ can't be used: {_first_line(error)}; check RABBITMQ_URL.") from error
    finally:
        connection.release()


def check_postgresql(settings: dict[str, Any]) -> None:
    """Logs in to the database."""
    try:
        psycopg2.connect(**libpq(settings), connect_timeout=TIMEOUT_SECONDS).close()
    except psycopg2.OperationalError as error:
        raise CannotRun(_explain_postgresql(str(error), settings)) from error


def check_mongodb(uri: str) -> None:
    """Reads from the todo database."""
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            uri, serverSelectionTimeoutMS=TIMEOUT_SECONDS * 1000, connectTimeoutMS=TIMEOUT_SECONDS * 1000
        )
        with client:
            client["todos"]["todos"].find_one({}, {"_id": 1})
    except OperationFailure as error:
        if error.code in MONGODB_LOGIN_CODES:
            raise CannotRun("MongoDB refuses the login: correct user and password in MONGODB_URI.") from error
        raise CannotRun(f"MongoDB can't be used: {_first_line(error)}; check MONGODB_URI.") from error
    except (ConfigurationError, PyMongoError, ValueError) as error:
        raise CannotRun(f"MongoDB can't be used: {_first_line(error)}; check MONGODB_URI.") from error


def _explain_postgresql(reason: str, settings: dict[str, Any]) -> str:
    if "does not exist" in reason and f'"{settings["database"]}"' in reason and "database" in reason:
        return f"PostgreSQL has no database {settings['database']!r}: make it (createdb), or set DB_NAME."
    if "authentication failed" in reason or "no password supplied" in reason or "role" in reason:
        return (
            f"PostgreSQL refuses the login of {settings['username']!r}: correct DB_USERNAME and DB_PASSWORD."
        )
    return f"PostgreSQL can't be used: {reason.splitlines()[0]}; check DB_HOST, DB_PORT and DB_NAME."


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
