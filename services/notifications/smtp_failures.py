"""What a server's reply, or its silence, means for a mail: try again later, or give up.

A 4xx reply is temporary. A 5xx reply is permanent where it is about the mail
(its recipient, its content), and temporary where it is about our own account or
settings: the mail is not at fault and can go out once they are put right.
"""

import smtplib
import socket
import ssl

from common.failures import DeliveryFailure, PermanentFailure, TemporaryFailure
from services.notifications.values import cut, one_line

_MAX_REPLY = 300
_TOO_BIG = 552
_HUNG_UP = (smtplib.SMTPServerDisconnected, ConnectionResetError, BrokenPipeError)
_AUTH_CODES = (530, 534, 535, 538)

# stage of the conversation: what a 5xx reply there means
_REFUSALS: dict[str, tuple[type[DeliveryFailure], str]] = {
    "connect": (TemporaryFailure, "smtp_service_refused"),
    "tls": (TemporaryFailure, "smtp_tls_failed"),
    "auth": (TemporaryFailure, "smtp_auth_failed"),
    "sender": (TemporaryFailure, "smtp_auth_failed"),
    "recipient": (PermanentFailure, "smtp_recipient_refused"),
    "content": (PermanentFailure, "smtp_content_refused"),
}

# the first match wins: a time-out is an OSError as well
_CAUSES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
    (TimeoutError, "smtp_timeout", "the mail server did not answer in time"),
    (ssl.SSLCertVerificationError, "smtp_tls_failed", "the mail server's certificate is not trusted"),
    (ssl.SSLError, "smtp_tls_failed", "the mail server made no TLS connection"),
    ((socket.gaierror, UnicodeError), "smtp_dns_failed", "the mail server's name can't be resolved"),
    (_HUNG_UP, "smtp_connection_lost", "the mail server closed the connection"),
    (OSError, "smtp_unreachable", "no connection to the mail server"),
    (Exception, "smtp_protocol_error", "the mail server's answer is no SMTP"),
)


def reply_failure(stage: str, code: int, reply: bytes | str) -> DeliveryFailure:
    """Return the failure that a negative reply stands for."""
    text = f"{code} {reply_text(reply)}".strip()
    if 400 <= code < 500:
        return TemporaryFailure("smtp_deferred", text)
    if not 500 <= code < 600:
        return TemporaryFailure("smtp_protocol_error", f"the server's answer is no SMTP: {text}")
    if code in _AUTH_CODES:
        return TemporaryFailure("smtp_auth_failed", text)
    if stage == "sender" and code == _TOO_BIG:
        return PermanentFailure("smtp_content_refused", text)
    failure, reason = _REFUSALS[stage]
    return failure(reason, text)


def reply_text(reply: bytes | str) -> str:
    """Return a server's words on one line, without control characters, at most 300 of them."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return cut(one_line(text), _MAX_REPLY)


def connection_failure(stage: str, error: Exception) -> DeliveryFailure:
    """Return the failure for an error that smtplib, a socket or TLS raised."""
    if isinstance(error, smtplib.SMTPResponseException):
        return reply_failure(stage, error.smtp_code, error.smtp_error)
    # smtplib hides why a connection was lost (a time-out, say) behind its own error.
    hidden = error.__context__ if isinstance(error, smtplib.SMTPServerDisconnected) else None
    cause = hidden if isinstance(hidden, OSError) else error
    if isinstance(cause, smtplib.SMTPException) and not isinstance(cause, smtplib.SMTPServerDisconnected):
        return TemporaryFailure(_REFUSALS[stage][1], reply_text(str(cause)))
    reason, words = next((reason, words) for kinds, reason, words in _CAUSES if isinstance(cause, kinds))
    return TemporaryFailure(reason, reply_text(words + _detail(cause)))


def _detail(error: Exception) -> str:
    """Which check a certificate failed, which step of TLS, which network error; never an address."""
    attributes = ("verify_message", "reason", "strerror")
    detail = next((value for name in attributes if (value := getattr(error, name, None))), None)
    return f": {detail}" if detail else ""
