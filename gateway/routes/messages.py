"""``/api/messages``: the messages that the suite sends, for administrators."""

from typing import Any

from werkzeug.wrappers import Response

from common import http_pages, mail_preview
from common.http import ANY_TYPE, Reply
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway.http import http
from gateway.idempotency import once


class MessageRoutes(SuiteService):
    """Served by the messaging service, the previews by the notification service, which has the templates."""

    messaging: Any = Service("messaging")
    notifications: Any = Service("notifications")
    url: Any = Links()

    @http("POST", "/api/messages", allow=Allow.ADMIN, scope="messages:write")
    def publish_message(self, request: Request) -> Reply:
        """Accept a message for delivery."""
        accepted = self.messaging.publish(data=request.payload, **once(request))
        where = self.url(f"/api/messages/{accepted['id']}")
        return Reply(202, accepted, {"Location": where})

    @http("GET", "/api/messages", allow=Allow.ADMIN, scope="messages:read", query=True)
    def list_messages(self, request: Request) -> Reply:
        """Messages by filter, a page at a time."""
        return http_pages.page(request, self.messaging.list.unread(query=http_pages.query(request)), self.url)

    @http("GET", "/api/messages/queues", allow=Allow.ADMIN, scope="messages:read")
    def list_queues(self, request: Request) -> Reply:
        """Every queue of the broker: how full, how many consumers, how fast."""
        return Reply(200, self.messaging.queues())

    @http("GET", "/api/messages/dead-letters", allow=Allow.ADMIN, scope="messages:read", query=True)
    def list_dead_letters(self, request: Request) -> Reply:
        """Dead letters by filter, a page at a time."""
        found = self.messaging.dead_letters(query=http_pages.query(request))
        return http_pages.page(request, found, self.url)

    @http("POST", "/api/messages/dead-letters/replay", allow=Allow.ADMIN, scope="messages:write")
    def replay_dead_letters(self, request: Request) -> Reply:
        """Send those again that match."""
        return Reply(202, self.messaging.replay_dead_letters(data=request.optional_payload))

    @http("GET", "/api/messages/dead-letters/<letter_id>", allow=Allow.ADMIN, scope="messages:read")
    def get_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """One dead letter with its payload."""
        return Reply(200, self.messaging.dead_letter(letter_id=letter_id))

    @http("POST", "/api/messages/dead-letters/<letter_id>/replay", allow=Allow.ADMIN, scope="messages:write")
    def replay_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """Send one again."""
        return Reply(202, self.messaging.replay_dead_letter(letter_id=letter_id))

    @http("DELETE", "/api/messages/dead-letters/<letter_id>", allow=Allow.ADMIN, scope="messages:write")
    def delete_dead_letter(self, request: Request, letter_id: str) -> Reply:
        """Give one up."""
        self.messaging.delete_dead_letter(letter_id=letter_id)
        return Reply(204)

    @http(
        "GET",
        "/api/messages/templates/<template>/preview",
        allow=Allow.ADMIN,
        scope="messages:read",
        produces=ANY_TYPE,
    )
    def preview_template(self, request: Request, template: str) -> Reply | Response:
        """How a mail reads, filled with sample data."""
        return mail_preview.show(request, self.notifications, template)

    @http("GET", "/api/messages/<message_id>", allow=Allow.ADMIN, scope="messages:read")
    def get_message(self, request: Request, message_id: str) -> Reply:
        """One message with its attempts."""
        return Reply(200, self.messaging.get(message_id=message_id))

    @http("DELETE", "/api/messages/<message_id>", allow=Allow.ADMIN, scope="messages:write")
    def cancel_message(self, request: Request, message_id: str) -> Reply:
        """Cancel a message that is still waiting."""
        self.messaging.cancel(message_id=message_id)
        return Reply(204)
