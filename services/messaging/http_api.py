"""The messaging service's own HTTP API, for administrators who come without the gateway.

The same calls as ``/api/messages`` there, under ``/messages`` on this service's port.
"""

from typing import Any

from werkzeug.wrappers import Response

from common import http_pages, mail_preview
from common.http import ANY_TYPE, Reply, http
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.service import SuiteService


class MessagesApi(SuiteService):
    """Routes to the methods that are callable by RPC as well."""

    publish: Any
    cancel: Any
    list: Any
    queues: Any
    get: Any
    dead_letters: Any
    dead_letter: Any
    replay_dead_letter: Any
    replay_dead_letters: Any
    delete_dead_letter: Any
    notifications: Any
    url: Any = Links()

    @http("POST", "/messages", allow=Allow.ADMIN, scope="messages:write")
    def post_message(self, request: Request) -> Reply:
        """Accept a message for delivery."""
        accepted = self.publish(data=request.payload, idempotency_key=request.headers.get("Idempotency-Key"))
        return Reply(202, accepted, {"Location": self.url(f"/messages/{accepted['id']}")})

    @http("GET", "/messages", allow=Allow.ADMIN, scope="messages:read", query=True)
    def get_messages(self, request: Request) -> Reply:
        """Messages by filter, a page at a time."""
        return http_pages.page(request, self.list(query=http_pages.query(request)), self.url)

    @http("GET", "/messages/queues", allow=Allow.ADMIN, scope="messages:read")
    def get_queues(self, request: Request) -> Reply:
        """Every queue of the broker."""
        return Reply(200, self.queues())

    @http("GET", "/messages/dead-letters", allow=Allow.ADMIN, scope="messages:read", query=True)
    def get_dead_letters(self, request: Request) -> Reply:
        """Dead letters by filter, a page at a time."""
        return http_pages.page(request, self.dead_letters(query=http_pages.query(request)), self.url)

    @http("POST", "/messages/dead-letters/replay", allow=Allow.ADMIN, scope="messages:write")
    def post_replay(self, request: Request) -> Reply:
        """Send those again that match."""
        return Reply(202, self.replay_dead_letters(data=request.optional_payload))

    @http("GET", "/messages/dead-letters/<letter_id>", allow=Allow.ADMIN, scope="messages:read")
    def get_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """One dead letter with its payload."""
        return Reply(200, self.dead_letter(letter_id=letter_id))

    @http("POST", "/messages/dead-letters/<letter_id>/replay", allow=Allow.ADMIN, scope="messages:write")
    def post_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """Send one again."""
        return Reply(202, self.replay_dead_letter(letter_id=letter_id))

    @http("DELETE", "/messages/dead-letters/<letter_id>", allow=Allow.ADMIN, scope="messages:write")
    def remove_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """Give one up."""
        self.delete_dead_letter(letter_id=letter_id)
        return Reply(204)

    @http(
        "GET",
        "/messages/templates/<template>/preview",
        allow=Allow.ADMIN,
        scope="messages:read",
        produces=ANY_TYPE,
    )
    def get_preview(self, request: Request, template: str) -> Reply | Response:
        """How a mail reads, filled with sample data."""
        return mail_preview.show(request, self.notifications, template)

    @http("GET", "/messages/<message_id>", allow=Allow.ADMIN, scope="messages:read")
    def get_message(self, request: Request, message_id: str) -> Reply:
        """One message with its attempts."""
        return Reply(200, self.get(message_id=message_id))

    @http("DELETE", "/messages/<message_id>", allow=Allow.ADMIN, scope="messages:write")
    def delete_message(self, request: Request, message_id: str) -> Reply:
        """Cancel a message that is still waiting."""
        self.cancel(message_id=message_id)
        return Reply(204)
