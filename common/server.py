"""The HTTP server of a process: one port, its routes, and an end in good order.

Nameko's own server dies of a network error at the wrong moment and serves on while it stops. The subclass
here mends that and leaves routing and workers to Nameko.
"""

from typing import Any

from eventlet import wsgi
from nameko.web.server import BindAddress, WebServer

from common import tls
from common.application import Application
from common.connection import SECURITY_HEADERS, Connection
from common.connections import Connections, Limits
from common.handshake import secure
from common.listener import FULL, Listener
from common.logging import get_logger
from common.request import Request, context_of

log = get_logger()
_SOCKET_SECONDS = 60
"""For one write, or one step of a handshake; what a client may take in all is watched by its connection."""
_DRAIN_SECONDS = 10
_FLUSH_SECONDS = 1


class SuiteWebServer(WebServer):
    """Listens on the port that ``HTTP.ports`` of the configuration gives this service."""

    def __init__(self) -> None:
        super().__init__()
        self._starting = False
        self.is_accepting = True
        self.every_answer = SECURITY_HEADERS

    @property
    def aliases(self) -> dict[str, str]:
        """Paths that answer like others; the service class names them as ``http_aliases``."""
        return getattr(self.container.service_cls, "http_aliases", {})

    @property
    def shared_port(self) -> bool:
        """Whether several processes of this service may listen on one port (``http_shared_port``)."""
        return getattr(self.container.service_cls, "http_shared_port", False)

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        return int(self.container.config["HTTP"]["max_body_bytes"])

    @property
    def bind_addr(self) -> BindAddress:
        """Host and port; port 0 lets the system choose."""
        settings = self.container.config["HTTP"]
        return BindAddress(settings["host"], settings["ports"][self.container.service_name])

    def start(self) -> None:
        """Listen; a port that is taken ends the process with a line that says so."""
        if self._starting:
            return
        self._starting = True
        address = self.bind_addr
        settings = self.container.config["HTTP"]
        self._tls = tls.context_of(settings)
        if self._tls:
            self.every_answer = SECURITY_HEADERS | tls.HSTS
        self.connections = Connections(Limits.of(settings))
        # Nobody reads a refusal in plain text where TLS is spoken.
        self.listener = Listener(address, self.shared_port, self.connections, b"" if self._tls else FULL)
        self._serv = self.get_wsgi_server(self.listener.socket, Application(self))
        self._serv.connections, self._serv.every_answer = self.connections, self.every_answer
        self._serv.is_secure = bool(self._tls)
        self._gt = self.container.spawn_managed_thread(self.run)
        self.container.spawn_managed_thread(self.connections.watch)
        log.info("http_listening", port=self.listener.port, tls=bool(self._tls))

    def run(self) -> None:
        """Accept connections until the port is closed."""
        self.listener.run(self.process_request)

    def process_request(self, sock: Any, address: Any) -> None:
        """Serve one connection."""
        sock.settimeout(self._serv.socket_timeout)
        if self._tls:
            sock = secure(sock, self._tls, self.connections)
            if sock is None:
                return
        self._serv.process_request([address, sock, wsgi.STATE_IDLE])

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **kwargs: Any) -> wsgi.Server:
        """eventlet's server with time-outs; its own access log is off, since ours knows the request."""
        return wsgi.Server(
            sock, sock.getsockname(), wsgi_app, protocol=Connection, log_output=False, debug=False,
            keepalive=True, socket_timeout=_SOCKET_SECONDS,
            environ={"wsgi.url_scheme": "https", "HTTPS": "on"} if self._tls else None,
        )  # fmt: skip

    def context_data_from_headers(self, request: Request) -> dict[str, Any]:
        """The worker context of a request."""
        return context_of(request)

    def drain(self) -> None:
        """Refuse new connections and answer those that are open; may be called more than once."""
        if not self.is_accepting:
            return
        self.is_accepting = False
        self._gt.kill()
        self.listener.close(self.process_request)
        self.connections.drain(_DRAIN_SECONDS)

    def stop(self) -> None:
        """End the server; its workers have finished by now, and the last answers are on their way."""
        if self._gt is not None:
            self.drain()
            self.connections.drain(_FLUSH_SECONDS)
