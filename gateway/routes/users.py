"""``/api/users``: profiles. ``me`` is the caller; who else may see whom is the user service's to say."""

from typing import Any

from common import http_pages
from common.http import Reply
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway.http import http


class UserRoutes(SuiteService):
    """Served by the user service."""

    users: Any = Service("users")
    url: Any = Links()

    @http("GET", "/api/users", allow=Allow.ADMIN)
    def list_users(self, request: Request) -> Reply:
        """All users, a page at a time."""
        return http_pages.page(request, self.users.list(query=http_pages.query(request)), self.url)

    @http("GET", "/api/users/<user_id>", allow=Allow.USER)
    def get_user(self, request: Request, user_id: str) -> Reply:
        """One user."""
        return Reply(200, self.users.get(user_id=self._resolve(user_id)))

    @http("PATCH", "/api/users/<user_id>", allow=Allow.USER)
    def update_user(self, request: Request, user_id: str) -> Reply:
        """Change some fields of a user."""
        user = self.users.update(user_id=self._resolve(user_id), changes=request.payload)
        return Reply(200, user)

    @http("PUT", "/api/users/<user_id>", allow=Allow.USER)
    def replace_user(self, request: Request, user_id: str) -> Reply:
        """Give a user's fields new values, all of them."""
        return Reply(200, self.users.replace(user_id=self._resolve(user_id), data=request.payload))

    @http("DELETE", "/api/users/<user_id>", allow=Allow.USER)
    def delete_user(self, request: Request, user_id: str) -> Reply:
        """Delete a user and all that is theirs."""
        return Reply(204, self.users.delete(user_id=self._resolve(user_id)))

    @http("DELETE", "/api/users/<user_id>/second-factor", allow=Allow.ADMIN)
    def reset_second_factor(self, request: Request, user_id: str) -> Reply:
        """Take the second factor from a user who has lost it."""
        return Reply(204, self.users.reset_second_factor(user_id=self._resolve(user_id)))

    def _resolve(self, user_id: str) -> str:
        return str(self.caller.user_id) if user_id == "me" else user_id
