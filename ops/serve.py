"""``python -m ops.serve todos``: ``nameko run`` of one service, with an honest end.

``nameko run --config config.yml services.todos.service:TodosService`` does the same. Nameko alone,
though, exits with 0 when it can't start, shows a traceback where an operator needs a sentence, waits
for ever on a stuck worker when it is told to stop, and starts a second stop beside the first when it
is told twice. Exit codes: 0 stopped in order, 78 (EX_CONFIG) a setting is wrong, 1 anything else.
"""

import os
import sys

if "eventlet" not in sys.modules:  # or it is too late
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")  # common/lookups.py does its work

import eventlet

eventlet.monkey_patch()

import gc
import logging.config
import signal
import socket
from typing import Any

from eventlet import debug
from nameko.cli.run import import_service
from nameko.runners import ServiceRunner

from common import config as settings
from common import lookups
from common.logging import get_logger, identify
from ops import mail_settings
from ops.priority import yield_to_others

SERVICES = {
    "gateway": "gateway.service:GatewayService",
    "users": "services.users.service:UsersService",
    "todos": "services.todos.service:TodosService",
    "notifications": "services.notifications.service:NotificationsService",
    "messaging": "services.messaging.service:MessagingService",
    "auth": "services.auth.service:AuthService",
}
NICENESS = {
    **dict.fromkeys(("gateway", "users", "todos"), "REQUEST_NICENESS"),
    **dict.fromkeys(("messaging", "notifications"), "BACKGROUND_NICENESS"),
}
"""Mails may come a little later where a processor is short; whoever waits for an answer is served first."""
EX_CONFIG = 78
GRACE_SECONDS = 20
_STARTUP_REFUSALS = ("TopologyError", "StorageUnavailable", "PortTaken", "ConfigurationError", "BadSetting")
log = get_logger()


def main(arguments: list[str]) -> int:
    """Run the service named by the only argument until it is told to stop; the exit code."""
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        print(f"usage: python -m ops.serve {{{'|'.join(SERVICES)}}}", file=sys.stderr)
        return 2
    lookups.use_threads()
    config = settings.load()
    problems = settings.validate(config)
    if arguments[0] == "notifications" and not problems:
        problems = mail_settings.problems(config)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return EX_CONFIG
    logging.config.dictConfig(config["LOGGING"])
    identify(arguments[0])
    if setting := NICENESS.get(arguments[0]):
        yield_to_others(config[setting])
    return serve(SERVICES[arguments[0]], config)


def serve(path: str, config: dict[str, Any]) -> int:
    """Start the service class at ``module:Class`` and wait for its end; the exit code."""
    runner = ServiceRunner(config)
    for service in import_service(path):
        runner.add_service(service)
    started: list[bool] = []
    _stop_on_signals(runner, started)
    eventlet.spawn_n(_wake_on_signals)
    try:
        # What ends the start is told once, below, and not by each green thread that it passes through.
        debug.hub_exceptions(False)
        runner.start()
        debug.hub_exceptions(True)
        started.append(True)
        # What is there now stays: looking through it for garbage stops everything for up to 75 ms.
        gc.freeze()
        runner.wait()
    except Exception as problem:
        return _explain(problem)
    return 0


def _stop_on_signals(runner: ServiceRunner, started: list[bool]) -> None:
    asked: list[int] = []

    def stop(signum: int, frame: Any) -> None:
        if not started:
            os._exit(0)  # nothing is answered yet, and what was taken from a queue goes back to it
        if not asked:
            asked.append(signum)
            eventlet.spawn_n(runner.stop)
            eventlet.spawn_after(GRACE_SECONDS, _give_up)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _wake_on_signals() -> None:
    """An idle hub sleeps until its next timer, up to a minute. What a signal writes here wakes it at once."""
    waking, woken = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    while woken.recv(64):
        pass


def _give_up() -> None:
    log.error("service_stop_timed_out", after_seconds=GRACE_SECONDS)
    sys.stdout.flush()
    os._exit(1)


def _explain(problem: Exception) -> int:
    if type(problem).__name__ in _STARTUP_REFUSALS:
        print(f"Can't start: {problem}", file=sys.stderr)
        return EX_CONFIG if type(problem).__name__ in ("PortTaken", "BadSetting") else 1
    log.critical("service_died", exc_info=problem)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
