"""Checks before anything is started: another run, settings, ports."""

import errno
import fcntl
import os
import socket
from pathlib import Path
from typing import Any, TextIO

from ops.runner.instances import port_variable
from ops.runner.refusal import CannotRun

RUN = "make run"


class Taken(CannotRun):
    """Another command has the lock."""

    def __init__(self, command: str, process: str) -> None:
        what = "stop it first" if command == RUN else "wait for its end"
        super().__init__(f"'{command}' is already running here (process {process}): {what}.")
        self.command = command


def take_lock(path: Path, command: str = RUN) -> TextIO:
    """Keeps a second command off the same data, for as long as the answered file is open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with lock:
            lock.seek(0)
            holder, _, process = lock.read().strip().rpartition(" ")
        raise Taken(holder or RUN, process) from None
    lock.truncate(0)
    lock.write(f"{command} {os.getpid()}")
    lock.flush()
    return lock


def check_ports(config: dict[str, Any]) -> None:
    """Refuses ports that two services share or that something listens on; 0 is any free port."""
    owners: dict[int, str] = {}
    for service, port in config["HTTP"]["ports"].items():
        if port and port in owners:
            raise CannotRun(
                f"Port {port} is set for {owners[port]} and for {service}: "
                f"set {port_variable(service)} to another port."
            )
        owners[port] = service
        if port:
            _check_port(config["HTTP"]["host"], port, service)


def _check_port(host: str, port: int, service: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotRun(_explain(error, host, port, service)) from error


def _explain(error: OSError, host: str, port: int, service: str) -> str:
    variable = port_variable(service)
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} for {service} is in use: stop what listens there, or set {variable} to another."
    if error.errno == errno.EACCES:
        return f"Port {port} for {service} needs root: set {variable} to a port above 1023."
    return f"{host}:{port} for {service} can't be used ({error.strerror}): check HTTP_HOST and {variable}."
