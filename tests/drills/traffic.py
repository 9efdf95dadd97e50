"""People who go on calling while something is broken, and things that are slow by fits and starts."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import eventlet
import requests

from tests.drills.site import Site


@contextmanager
def calls(call: Callable[[], object], clients: int = 4, pause: float = 0.1) -> Iterator[None]:
    """Several clients call again and again, whatever is answered."""
    threads = [eventlet.spawn(_go_on, call, pause) for _ in range(clients)]
    try:
        yield
    finally:
        for thread in threads:
            thread.kill()


def _go_on(call: Callable[[], object], pause: float) -> None:
    while True:
        try:
            call()
        except requests.RequestException:
            pass  # it is broken on purpose
        eventlet.sleep(pause)


@contextmanager
def readers(site: Site) -> Iterator[None]:
    """People who look at their todos."""
    ada = site.ada
    with calls(lambda: ada.get("/api/todos")):
        yield


@contextmanager
def guesses(site: Site) -> Iterator[None]:
    """Somebody who tries passwords: more than two a second."""
    body = {"email": site.ada.user["email"], "password": "a wrong guess"}
    with calls(lambda: requests.post(f"{site.suite.url}/api/auth/login", json=body, timeout=15), 4, 0.2):
        yield


@contextmanager
def stumbling(pid: int, stopped: float, running: float) -> Iterator[None]:
    """A process that stands still again and again, as one does whose machine is overloaded."""

    def stumble() -> None:
        while True:
            os.kill(pid, signal.SIGSTOP)
            eventlet.sleep(stopped)
            os.kill(pid, signal.SIGCONT)
            eventlet.sleep(running)

    thread = eventlet.spawn(stumble)
    try:
        yield
    finally:
        thread.kill()
        os.kill(pid, signal.SIGCONT)
