"""Who asks whether the gateway is up does so over TLS where it speaks TLS, whatever its certificate names."""

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from common.tls import context_of
from ops.run import addresses
from ops.runner.console import Console
from ops.runner.ready import ReadyWatch
from ops.runner.servers import Servers
from tests.certificates import make_pair
from tests.unit.ops.test_compose_probe import run_check


class Ready(BaseHTTPRequestHandler):
    """200 to everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Of a server that speaks HTTPS only."""
    pair = make_pair(tmp_path)
    context = context_of({"tls_cert": str(pair.certificate), "tls_key": str(pair.key)})
    assert isinstance(context, ssl.SSLContext)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ready)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_the_gateways_container_is_asked_over_tls_if_it_was_given_a_certificate(port: int) -> None:
    assert run_check("gateway", port, TLS_CERT="/run/tls.pem") == 0


def test_make_run_sees_that_a_gateway_over_tls_is_ready(port: int) -> None:
    watch, end = ReadyWatch("127.0.0.1", port, secure=True), time.monotonic() + 10
    while not watch.is_ready:
        assert time.monotonic() < end, watch.last_answer
        time.sleep(0.05)


@pytest.mark.parametrize(("certificate", "scheme"), [("", "http"), ("/run/tls.pem", "https")])
def test_make_run_names_the_address_that_answers(tmp_path: Path, certificate: str, scheme: str) -> None:
    config = {"HTTP": {"ports": {"gateway": 3000}, "tls_cert": certificate}}
    found = addresses(config, Servers(config, tmp_path, Console()))

    assert found["API"] == f"{scheme}://localhost:3000"
