"""The web side: pages for people, JSON for tests."""

import json
import re
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from ops.mailcatcher import api, pages
from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.faults import Faults, parse_faults
from ops.mailcatcher.store import Summary

BODY_LIMIT = 1024 * 1024


class Answer(Exception):
    """Ends a request with a status and a reason, as JSON."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Requests(BaseHTTPRequestHandler):
    """One request; the routes are at the end of the class."""

    catcher: ClassVar[Catcher]
    protocol_version = "HTTP/1.1"
    server_version = "mailcatcher"
    timeout = 30

    def do_GET(self) -> None:
        """Pages, and what was caught."""
        self._dispatch("GET")

    def do_PUT(self) -> None:
        """Puts faults in force."""
        self._dispatch("PUT")

    def do_DELETE(self) -> None:
        """Deletes mails, faults or attempts."""
        self._dispatch("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        """No access log."""

    def _dispatch(self, method: str) -> None:
        address = urlsplit(self.path)
        self.query = dict(parse_qsl(address.query))
        try:
            self.body = self._read_body()
            for route_method, pattern, action in self.ROUTES:
                match = re.fullmatch(pattern, address.path)
                if match and route_method == method:
                    return action(self, *match.groups())
            raise Answer(404, "no such page")
        except Answer as answer:
            self._send_json({"error": answer.reason}, answer.status)
        except ValueError as error:
            self._send_json({"error": str(error)}, 400)

    def _read_body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_LIMIT:
            self.close_connection = True
            raise Answer(413, "the body is too long")
        return self.rfile.read(length)

    def _mail(self, mail_id: str) -> Summary:
        mail = self.catcher.store.get(mail_id)
        if not mail:
            raise Answer(404, "no such mail")
        return mail

    def _send(
        self, body: bytes, content_type: str, status: int = 200, policy: str = pages.PAGE_POLICY
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _send_json(self, document: Any, status: int = 200) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _send_page(self, page: str, policy: str = pages.PAGE_POLICY) -> None:
        self._send(page.encode("utf-8", "replace"), "text/html", policy=policy)

    def _list(self) -> None:
        self._send_page(pages.list_page(self.catcher, self.query.get("q", "")))

    def _show(self, mail_id: str) -> None:
        self._send_page(pages.mail_page(self.catcher, self._mail(mail_id)))

    def _show_html(self, mail_id: str) -> None:
        self._send_page(pages.mail_html(self.catcher, self._mail(mail_id)), pages.MAIL_POLICY)

    def _show_source(self, mail_id: str) -> None:
        self._send(self.catcher.store.raw(self._mail(mail_id).id), "text/plain")

    def _asset(self, name: str) -> None:
        self._send(pages.asset(name), pages.ASSETS[name])

    def _api_mails(self) -> None:
        self._send_json(api.find_mails(self.catcher, self.query))

    def _api_mail(self, mail_id: str) -> None:
        self._send_json(api.mail_document(self.catcher, self._mail(mail_id)))

    def _api_clear(self) -> None:
        self.catcher.store.clear()
        self._send_json({"deleted": True})

    def _api_attempts(self) -> None:
        self._send_json(api.find_attempts(self.catcher, self.query))

    def _api_forget_attempts(self) -> None:
        self.catcher.attempts.clear()
        self._send_json({"deleted": True})

    def _api_faults(self) -> None:
        self.catcher.faults = parse_faults(json.loads(self.body))
        self._health()

    def _api_no_faults(self) -> None:
        self.catcher.faults = Faults()
        self._health()

    def _health(self) -> None:
        self._send_json(api.health(self.catcher))

    ROUTES: ClassVar[list[tuple[str, str, Callable[..., None]]]] = [
        ("GET", r"/", _list),
        ("GET", r"/mails/(\d+)", _show),
        ("GET", r"/mails/(\d+)/html", _show_html),
        ("GET", r"/mails/(\d+)/source", _show_source),
        ("GET", r"/(style\.css|list\.js)", _asset),
        ("GET", r"/health", _health),
        ("GET", r"/api/mails", _api_mails),
        ("GET", r"/api/mails/([^/]+)", _api_mail),
        ("DELETE", r"/api/mails", _api_clear),
        ("GET", r"/api/attempts", _api_attempts),
        ("DELETE", r"/api/attempts", _api_forget_attempts),
        ("PUT", r"/api/faults", _api_faults),
        ("DELETE", r"/api/faults", _api_no_faults),
    ]


class WebServer(ThreadingHTTPServer):
    """A thread a connection; none keeps the process alive."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], catcher: Catcher) -> None:
        super().__init__(address, type("BoundRequests", (Requests,), {"catcher": catcher}))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error of ours; what else goes wrong is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)
