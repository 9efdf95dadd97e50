"""The containers' health checks, run as they are against a real HTTP server."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops.engines.ports import free_port
from tests.unit.ops.compose_file import PROCESSES, load

ASKED = (*PROCESSES, "mailcatcher")


class Answering(BaseHTTPRequestHandler):
    """200 to one path, 503 to `/failing`, 404 to all others."""

    healthy_path = ""

    def do_GET(self) -> None:
        status = {self.healthy_path: 200, "/failing": 503}.get(self.path, 404)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Answering,), {}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def run_check(name: str, port: int, path: str = "", **more: str) -> int:
    """The exit code of the service's check, with the port of a server of this test's."""
    kind, python, *arguments, _, own_path = load()["services"][name]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    command = [sys.executable, *arguments, str(port), path or own_path]
    # A proxy of the host's, as Docker hands it to containers, must not be asked.
    environment = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", **more}
    return subprocess.run(command, check=False, env=environment, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize("name", ASKED)
def test_a_service_that_answers_200_is_healthy(name: str, server: ThreadingHTTPServer):
    server.RequestHandlerClass.healthy_path = load()["services"][name]["healthcheck"]["test"][-1]
    assert run_check(name, server.server_port) == 0


@pytest.mark.parametrize("path", ["/failing", "/unknown"])
def test_a_service_that_answers_anything_else_is_not(path: str, server: ThreadingHTTPServer):
    assert run_check("todos", server.server_port, path) != 0


def test_a_service_that_refuses_the_connection_is_not():
    assert run_check("todos", free_port()) != 0
