"""The SMTP side: accepts mails, or refuses them as the faults in force say."""

import asyncio
import hmac
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.conversation import Conversation
from ops.mailcatcher.faults import TEMPORARY, Faults
from ops.mailcatcher.message import read_headers

_NONE = Faults()
ACCEPTED = "250 2.0.0 Message accepted"
GREETING_REFUSED = b"421 4.3.2 Service not available, closing transmission channel\r\n"


@dataclass(frozen=True)
class Security:
    """How clients must connect: certificate for TLS or STARTTLS, login."""

    certificate: Path | None = None
    key: Path | None = None
    starttls: bool = False
    user: str | None = None
    password: str | None = None

    def context(self) -> ssl.SSLContext | None:
        """The TLS context, or nothing for plain connections."""
        if not self.certificate:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context


class RefusingProtocol(asyncio.Protocol):
    """Answers a connection as a server that is shutting down."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so and hangs up."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(GREETING_REFUSED)
            transport.close()


class Handler:
    """The hooks that aiosmtpd calls."""

    def __init__(self, catcher: Catcher) -> None:
        self._catcher = catcher

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offers to take several commands at once (RFC 2920), as the library does without saying so."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Accepts a recipient, unless a fault refuses it."""
        faults = self._catcher.faults
        refusal = faults.refusal_of(address) if faults.stage == "rcpt" else None
        if refusal:
            self._catcher.attempts.record(address, refusal)
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps the mail, unless a fault refuses it."""
        await asyncio.sleep(self._catcher.faults.delay_seconds)
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        return self.take(envelope.mail_from or "", list(envelope.rcpt_tos), raw)

    @property
    def is_well(self) -> bool:
        """Whether no fault is in force."""
        return self._catcher.faults == _NONE

    def take(self, sender: str, recipients: list[str], raw: bytes) -> str:
        """Keeps a mail, unless a fault refuses it; the answer."""
        refusal = self._catcher.faults.refusal_of_any(recipients)
        subject, message_id, x_message_id = read_headers(raw, "subject", "message-id", "x-message-id")
        try:
            if not refusal:
                self._catcher.store.add(sender, recipients, raw, subject)
        except OSError:
            refusal = TEMPORARY  # the disk is full, say
        for recipient in recipients:
            self._catcher.attempts.record(
                recipient, refusal or ACCEPTED, message_id or None, x_message_id or None
            )
        return refusal or ACCEPTED


class Login:
    """Checks a client's user and password."""

    def __init__(self, security: Security) -> None:
        self._expected = (security.user or "").encode(), (security.password or "").encode()

    def __call__(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth_data: Any
    ) -> AuthResult:
        """Whether the login is the one that was configured."""
        if not isinstance(auth_data, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = self._expected
        right = hmac.compare_digest(auth_data.login, user) and hmac.compare_digest(
            auth_data.password, password
        )
        return AuthResult(success=right, handled=False)


async def serve_smtp(catcher: Catcher, host: str, port: int, security: Security) -> asyncio.Server:
    """Listens for mails."""
    context = security.context()
    options: dict[str, Any] = {"enable_SMTPUTF8": True, "hostname": "localhost"}
    if security.starttls:
        options |= {"tls_context": context, "require_starttls": True}
    if security.user:
        options |= {
            "authenticator": Login(security),
            "auth_required": True,
            "auth_require_tls": security.starttls,
        }
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        if catcher.faults.refuse:
            return RefusingProtocol()
        return Conversation(Handler(catcher), loop=loop, **options)

    return await loop.create_server(protocol, host, port, ssl=None if security.starttls else context)
