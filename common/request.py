"""A request as the suite reads it: an id, a token, and a body that is parsed strictly."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from eventlet.wsgi import Input
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import (
    ClientDisconnected,
    LengthRequired,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)
from werkzeug.wrappers import Request as WerkzeugRequest

from common import context, strict_json
from common.errors import BadRequest
from common.exchange import CONNECTION, NOTES

JSON, MERGE_PATCH = "application/json", "application/merge-patch+json"
_WITH_BODY = ("POST", "PUT", "PATCH")
T = TypeVar("T")


class Request(WerkzeugRequest):
    """A request with its id, and with a body that is parsed strictly when it is asked for."""

    request_id: str = ""
    traceparent: str = ""
    tracestate: str = ""
    path_values: dict[str, Any]
    most_bytes: int

    @cached_property
    def answer_headers(self) -> dict[str, str]:
        """Headers for the answer, whatever it will be."""
        return {}

    @cached_property
    def accept_mimetypes(self) -> MIMEAccept:
        """The types that the client takes, without their parameters, which none of ours has.

        werkzeug takes ``application/json; charset=utf-8`` for another type than ``application/json``.
        """
        named = super().accept_mimetypes
        return MIMEAccept([(type.partition(";")[0].rstrip(), quality) for type, quality in named])

    def once(self, key: Any, find_out: Callable[[], T]) -> T:
        """What ``find_out`` gives, which has to follow from the header fields and the client's address alone.

        It is asked once for all requests of a connection that come with the same fields.
        """
        notes = self.environ.setdefault(NOTES, {})
        if key not in notes:
            notes[key] = find_out()
        found: T = notes[key]
        return found

    def limit(self, most_bytes: int) -> None:
        """Set how long the body may be. werkzeug cuts a chunked one off there, so it may read a byte more."""
        self.most_bytes = most_bytes
        self.max_content_length = most_bytes + 1

    def read(self, json: bool = True) -> None:
        """Read (and parse) the body of a request that has one; ``payload`` has it at hand from then on."""
        if self.method in _WITH_BODY and self.body and json:
            _ = self.payload

    @cached_property
    def body(self) -> bytes:
        """The body as it came; raises werkzeug's 400, 408 and 413."""
        try:
            raw = self._read_whole()
        except ClientDisconnected:
            if self.environ[CONNECTION].is_late:
                raise RequestTimeout() from None
            raise
        if len(raw) > self.most_bytes:
            raise RequestEntityTooLarge()
        return raw

    def _read_whole(self) -> bytes:
        """All of it, as werkzeug reads it, which puts another stream around one that knows its end."""
        stream = self.environ["wsgi.input"]
        if not isinstance(stream, Input):
            return self.get_data()
        if stream.content_length > self.most_bytes + 1:
            raise RequestEntityTooLarge()
        try:
            raw: bytes = stream.read(stream.content_length) if stream.content_length else b""
        except (OSError, ValueError):
            raise ClientDisconnected() from None
        if len(raw) < stream.content_length:
            raise ClientDisconnected()
        return raw

    @cached_property
    def payload(self) -> Any:
        """The body as JSON; raises BadRequest, or werkzeug's 411, 413 and 415."""
        if not self.body:
            if "Content-Length" not in self.headers and "Transfer-Encoding" not in self.headers:
                raise LengthRequired()
            raise BadRequest("malformed_json", "The body is empty: send a JSON document.")
        if not self._says_json():
            raise UnsupportedMediaType()
        return strict_json.loads(self.body)

    def _says_json(self) -> bool:
        """JSON in UTF-8; a change may be called a merge patch (RFC 7396), which is another name for it."""
        coding = self.environ.get("HTTP_CONTENT_ENCODING", "identity")
        if coding.strip().lower() != "identity":
            return False
        if self.environ.get("CONTENT_TYPE") == JSON:
            return True
        is_json = self.mimetype == JSON or (self.method == "PATCH" and self.mimetype == MERGE_PATCH)
        return is_json and self.mimetype_params.get("charset", "utf-8").lower() in ("utf-8", "utf8")

    @property
    def optional_payload(self) -> Any:
        """The body as JSON; an empty object where there is no body."""
        return self.payload if self.body else {}

    @property
    def bearer_token(self) -> str:
        """The token of the Authorization header, or an empty string."""
        scheme, _, token = self.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


def context_of(request: Request) -> dict[str, Any]:
    """What travels on from a request: ids, the token, and who is asking from where."""
    found = request.once("context", lambda: _of_the_client(request)).copy()
    found[context.REQUEST_ID] = request.request_id
    if request.traceparent:
        found[context.TRACEPARENT] = request.traceparent
    if request.tracestate:
        found[context.TRACESTATE] = request.tracestate
    return found


def _of_the_client(request: Request) -> dict[str, Any]:
    found = {
        context.AUTH_TOKEN: request.bearer_token,
        context.CLIENT_IP: request.remote_addr or "",
        context.USER_AGENT: request.environ.get("HTTP_USER_AGENT", "")[:256],
        context.BASE_URL: f"{request.scheme}://{request.host}" if request.host else "",
    }
    return {key: value for key, value in found.items() if value}
