"""The words in which a service may refuse. Read this page to know every way a call can fail.

SuiteError
├── BadRequest            the request can't be read
├── Unauthenticated       no, bad, expired or revoked token; details: what another try needs
├── Forbidden             the caller's role does not allow it
├── NotFound              no such thing, or not the caller's
├── Conflict              the state does not allow it (taken, in flight)
├── PreconditionFailed    the caller's version is stale
├── ValidationFailed      read, but wrong; details: {"field": ["message", ...]}
├── TooManyRequests       too often; details: {"retry_after": "seconds"}
├── Unavailable           a service, or what it needs, is down
├── DeadlineExceeded      a service was silent for too long
└── InternalError         our own fault; says nothing but a reference

An error is raised as ``NotFound(code, message, details)``: a stable snake_case word for programs,
a sentence for people, and structured data. The arguments stay positional strings and dictionaries,
since Nameko rebuilds an exception at the caller from ``exc.args``. The HTTP status is no business of
a service: :mod:`common.problems` holds that one table.
"""

from typing import Any

from nameko.exceptions import deserialize_to_instance


class SuiteError(Exception):
    """Base of all errors that cross a service's border unchanged."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        """Take a stable ``code``, a sentence, and optional data (stringified on its way over RPC)."""
        super().__init__(code, message, details or {})
        self.code = code
        self.message = message
        self.details = details or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@deserialize_to_instance
class BadRequest(SuiteError):
    """The request can't be read: no JSON, not an object, too deep."""


@deserialize_to_instance
class Unauthenticated(SuiteError):
    """The caller is not known: no token, or one that is bad, expired or revoked."""


@deserialize_to_instance
class Forbidden(SuiteError):
    """The caller is known, and may not."""


@deserialize_to_instance
class NotFound(SuiteError):
    """There is no such thing, or it belongs to somebody else."""


@deserialize_to_instance
class Conflict(SuiteError):
    """The present state does not allow it."""


@deserialize_to_instance
class PreconditionFailed(SuiteError):
    """The version that the caller named is no longer the current one."""


@deserialize_to_instance
class ValidationFailed(SuiteError):
    """The input was read and is wrong; ``details`` maps a field to its messages."""


@deserialize_to_instance
class TooManyRequests(SuiteError):
    """The caller has used up its share for now."""


@deserialize_to_instance
class Unavailable(SuiteError):
    """A service, or a server that it needs, can't be reached."""


@deserialize_to_instance
class DeadlineExceeded(SuiteError):
    """No answer came within the deadline of the call."""


@deserialize_to_instance
class InternalError(SuiteError):
    """A fault of ours. Says nothing of its cause: that is in the log, under the request id."""


def internal_error() -> InternalError:
    """The one sentence that a caller gets for anything unforeseen."""
    return InternalError("internal_error", "Something went wrong on our side. It has been logged.")
