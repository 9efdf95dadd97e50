"""The one table from a domain error to an HTTP status, and problem documents (RFC 9457) made with it."""

from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import HTTPException

from common import errors, strict_json
from common.answers import Answer
from common.errors import SuiteError

STATUS: dict[type[SuiteError], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.ValidationFailed: 422,
    errors.TooManyRequests: 429,
    errors.InternalError: 500,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
}
_OF_THE_TOKEN = ("invalid_token", "token_expired", "token_revoked")
"""What is wrong with the access token itself: RFC 6750 has a word for that, and for nothing else of a 401."""
_RETRY_AFTER = {429: "60", 503: "5"}
_EDGE: dict[int, tuple[str, str]] = {
    400: ("malformed_request", "The request can't be read."),
    404: ("no_such_route", "There is nothing at this path."),
    405: ("method_not_allowed", "This path does not support that method; see Allow."),
    406: ("not_acceptable", "This answers with application/json only."),
    408: ("request_timeout", "The request did not arrive in time."),
    411: ("length_required", "Send a JSON document with its Content-Length, or in chunks."),
    413: ("body_too_large", "The body is larger than this accepts."),
    414: ("uri_too_long", "The address is too long."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    431: ("headers_too_large", "The headers are too long."),
}


def from_error(error: SuiteError, instance: str, request_id: str) -> Answer:
    """The answer for an error that a service raised, or the gateway itself."""
    status = STATUS[type(error)]
    body: dict[str, Any] = {}
    if isinstance(error, errors.ValidationFailed):
        body["errors"] = error.details
    elif isinstance(error, errors.Unauthenticated):
        body |= error.details  # what the caller needs for another try
    response = _problem(status, error.code, error.message, instance, request_id, body)
    if status == 401:
        is_bad_token = error.code in _OF_THE_TOKEN
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_bad_token else "Bearer"
    if error.code == "insufficient_scope":
        needed = f', scope="{error.details["scope"]}"' if error.details else ""
        response.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope"{needed}'
    if status in _RETRY_AFTER:
        response.headers["Retry-After"] = str(error.details.get("retry_after", _RETRY_AFTER[status]))
    return response


def from_http(exception: HTTPException, instance: str, request_id: str) -> Answer:
    """The answer for what never reached an entrypoint: no route, wrong method, too large."""
    status = exception.code or 500
    code, detail = _EDGE.get(status, ("malformed_request", HTTPStatus(status).phrase))
    response = _problem(status, code, detail, instance, request_id, {})
    methods = getattr(exception, "valid_methods", None)
    if methods:
        response.headers["Allow"] = allow(methods)
    return response


def allow(methods: Any) -> str:
    """The value of an Allow header: the route's methods and OPTIONS, sorted."""
    return ", ".join(sorted({*methods, "OPTIONS"}))


def _problem(
    status: int, code: str, detail: str, instance: str, request_id: str, more: dict[str, Any]
) -> Answer:
    body = {
        "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
        "instance": instance, "code": code, "request_id": request_id, **more,
    }  # fmt: skip
    headers = {"Content-Type": "application/problem+json"}
    return Answer(status, headers, strict_json.dumps(body).encode())
