"""The settings of mail, checked where all the others are: before a process starts anything."""

import warnings
from typing import Any

from ops.engines.ports import LOOPBACK


def problems(config: dict[str, Any]) -> list[str]:
    """Why mail can't leave with these settings, in one line; empty if it can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # eventlet's, where it is imported for the first time
        from services.notifications.smtp_settings import SmtpSettings
    try:
        SmtpSettings.from_config(config).tls_context()
    except (ValueError, OSError) as problem:
        return [str(problem)]
    return []


def problems_of_run(config: dict[str, Any]) -> list[str]:
    """The same for `make run`, which starts a server of its own where none is named."""
    mail = config["MAIL"]
    if mail["host"] or mail["service"]:
        return problems(config)
    return problems(config | {"MAIL": mail | {"host": LOOPBACK, "port": "", "tls": "none"}})
