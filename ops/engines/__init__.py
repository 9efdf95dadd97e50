"""The three servers that the suite needs, and the mail catcher, as private processes.

`make run` keeps their data under `.local/`; the tests give each a temporary
directory, a free port and `fast=True`. An engine must be started from a thread
that lives as long as it does: Linux ends a child with the thread that made it.
"""

from ops.engines.mailcatcher import MailCatcher
from ops.engines.mongodb import MongoDB
from ops.engines.postgresql import PostgreSQL
from ops.engines.process import Engine, EngineError, LoginRefused
from ops.engines.rabbitmq import RabbitMQ

__all__ = ["Engine", "EngineError", "LoginRefused", "MailCatcher", "MongoDB", "PostgreSQL", "RabbitMQ"]
