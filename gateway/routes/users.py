"""``/api/users``: profiles. ``me`` is the caller; who else may see whom is the user service's to say."""

from typing import Any

from common import http_pages
from common.http import Reply
from common.identity import Allow
from common.links import Links
from common.request import Request
from common.rpc import Service
from common.service import SuiteService
from gateway.export import everything
from gateway.http import http


class UserRoutes(SuiteService):
    """Served by the user service; auth signs the tokens, and an export has something from all."""

    users: Any = Service("users")
    auth: Any = Service("auth")
    todos: Any = Service("todos")
    messaging: Any = Service("messaging")
    url: Any = Links()

    @http("GET", "/api/users", allow=Allow.ADMIN, scope="users:read", query=True)
    def list_users(self, request: Request) -> Reply:
        """All users, a page at a time."""
        return http_pages.page(request, self.users.list.unread(query=http_pages.query(request)), self.url)

    @http("GET", "/api/users/<user_id>", allow=Allow.USER, scope="profile:read")
    def get_user(self, request: Request, user_id: str) -> Reply:
        """One user."""
        return Reply(200, self.users.get(user_id=self._resolve(user_id)))

    @http("PATCH", "/api/users/<user_id>", allow=Allow.USER, scope="profile:write")
    def update_user(self, request: Request, user_id: str) -> Reply:
        """Change some fields of a user."""
        user = self.users.update(user_id=self._resolve(user_id), changes=request.payload)
        return Reply(200, user)

    @http("PUT", "/api/users/<user_id>", allow=Allow.USER, scope="profile:write")
    def replace_user(self, request: Request, user_id: str) -> Reply:
        """Give a user's fields new values, all of them."""
        return Reply(200, self.users.replace(user_id=self._resolve(user_id), data=request.payload))

    @http("DELETE", "/api/users/<user_id>", allow=Allow.USER)
    def delete_user(self, request: Request, user_id: str) -> Reply:
        """Delete a user and all that is theirs."""
        return Reply(204, self.users.delete(user_id=self._resolve(user_id)))

    @http("GET", "/api/users/me/export", allow=Allow.USER)
    def export_user(self, request: Request) -> Reply:
        """All that is kept of the caller."""
        found = everything(self.users, self.todos, self.messaging)
        return Reply(200, found, {"Content-Disposition": 'attachment; filename="export.json"'})

    @http("POST", "/api/users/me/tokens", allow=Allow.USER)
    def make_access_token(self, request: Request) -> Reply:
        """Make a personal access token: it is shown this once."""
        return Reply(201, self.auth.make_access_token(data=request.payload))

    @http("GET", "/api/users/me/tokens", allow=Allow.USER)
    def list_access_tokens(self, request: Request) -> Reply:
        """The caller's personal access tokens."""
        return Reply(200, self.users.access_tokens())

    @http("DELETE", "/api/users/me/tokens/<token_id>", allow=Allow.USER)
    def end_access_token(self, request: Request, token_id: str) -> Reply:
        """End a personal access token, at once and everywhere."""
        return Reply(204, self.users.end_access_token(token_id=token_id))

    @http("DELETE", "/api/users/<user_id>/second-factor", allow=Allow.ADMIN)
    def reset_second_factor(self, request: Request, user_id: str) -> Reply:
        """Take the second factor from a user who has lost it."""
        return Reply(204, self.users.reset_second_factor(user_id=self._resolve(user_id)))

    @http("GET", "/api/users/<user_id>/sessions", allow=Allow.ADMIN)
    def list_user_sessions(self, request: Request, user_id: str) -> Reply:
        """A user's sessions."""
        return Reply(200, self.users.sessions_of(user_id=self._resolve(user_id)))

    @http("DELETE", "/api/users/<user_id>/sessions", allow=Allow.ADMIN)
    def end_user_sessions(self, request: Request, user_id: str) -> Reply:
        """End all sessions of a user, at once and everywhere."""
        return Reply(204, self.users.end_sessions_of(user_id=self._resolve(user_id)))

    @http("DELETE", "/api/users/<user_id>/sessions/<session_id>", allow=Allow.ADMIN)
    def end_user_session(self, request: Request, user_id: str, session_id: str) -> Reply:
        """End one session of a user, at once and everywhere."""
        found = self.users.end_session_of(user_id=self._resolve(user_id), session_id=session_id)
        return Reply(204, found)

    def _resolve(self, user_id: str) -> str:
        return str(self.caller.user_id) if user_id == "me" else user_id
