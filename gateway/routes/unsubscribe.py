"""``/unsubscribe``: where the link of a mail leads (one-click unsubscribe, RFC 8058)."""

from typing import Any

from werkzeug.wrappers import Response

from common.http import ANY_TYPE, Reply
from common.identity import Allow
from common.request import JSON, Request
from common.rpc import Service
from common.service import SuiteService
from gateway import unsubscribe_page
from gateway.http import http

_HTML = "text/html"


class UnsubscribeRoutes(SuiteService):
    """Served by the user service. Who comes has no login: the token in the link stands for its owner."""

    users: Any = Service("users")

    @http("GET", "/unsubscribe", allow=Allow.PUBLIC, produces=ANY_TYPE)
    def show_unsubscription(self, request: Request) -> Response:
        """Ask whether it is meant. Nothing changes, since mail scanners follow links."""
        return unsubscribe_page.question(self.users.unsubscription(token=_token(request)))

    @http("POST", "/unsubscribe", allow=Allow.PUBLIC, produces=ANY_TYPE, json=False)
    def unsubscribe(self, request: Request) -> Reply | Response:
        """Do it: 204 for a mail program, a page for a person. What the body says is of no interest."""
        found = self.users.unsubscribe(token=_token(request))
        is_browser = request.accept_mimetypes.best_match([JSON, _HTML]) == _HTML
        return unsubscribe_page.answer(found) if is_browser else Reply(204)


def _token(request: Request) -> str:
    return request.args.get("token", "")
