"""The gateway's HTTP entrypoint: who is it, is it too often, call, render."""

from typing import Any

from werkzeug.wrappers import Response

from common.answers import Answer
from common.errors import SuiteError
from common.http import HttpEntrypoint
from common.identity import Identity
from common.request import Request
from gateway.rate_limit import RateLimits


class LimitedEntrypoint(HttpEntrypoint):
    """As every HTTP entrypoint, and counted: ``@http("GET", "/api/todos", allow=Allow.USER)``."""

    limits = RateLimits()

    def handle_request(self, request: Request) -> Answer | Response:
        """Answer, and keep the count only if this answer counts."""
        response = super().handle_request(request)
        self.limits.settle(request, self.url, response.status_code)
        return response

    def admit(self, request: Request, data: dict[str, Any]) -> None:
        """Refuse who may not, and who calls too often, before a worker is started for it."""
        caller = self._authorize(request, data)
        request.read(self.json)
        self.limits.take_guarded(request, self.url, caller)

    def _authorize(self, request: Request, data: dict[str, Any]) -> Identity | None:
        try:
            caller = self.tokens.authorize(self.allow, data, self.scope)
        except SuiteError:
            self.limits.take(request, None)
            raise
        self.limits.take(request, caller)
        return caller


http = LimitedEntrypoint.decorator
