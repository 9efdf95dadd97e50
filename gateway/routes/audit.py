"""``/api/audit``: what has happened to accounts, for administrators."""

from typing import Any

from common import http_pages
from common.http import Reply
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway.http import http


class AuditRoutes(SuiteService):
    """Served by the user service."""

    users: Any = Service("users")
    url: Any = Links()

    @http("GET", "/api/audit", allow=Allow.ADMIN, scope="audit:read", query=True)
    def list_audit(self, request: Request) -> Reply:
        """The audit log, a page at a time."""
        return http_pages.page(request, self.users.audit.unread(query=http_pages.query(request)), self.url)
