"""A conversation with a client: aiosmtpd's, with less around each mail.

The library waits for each line of a mail by itself, parses an address by the grammar of headers, for which it
makes a class each time, and writes each answer by itself.
"""

import asyncio
import re
from typing import Any, AnyStr, cast

from aiosmtpd.smtp import MISSING, SMTP, syntax

from ops.mailcatcher.usual import UsualMail

SIZE_LIMIT = 25 * 1024 * 1024
_PLAIN_ADDRESS = re.compile(r"<([\w.+-]+@[A-Za-z0-9.-]+)>((?: .*)?)", re.ASCII)
_END = b".\r\n"
_LAST_LINE = b"\r\n" + _END
_GO_AHEAD = "354 End data with <CR><LF>.<CR><LF>"
_BEGUN = f"250 OK\r\n250 OK\r\n{_GO_AHEAD}\r\n".encode()
_TOO_MUCH = "552 Error: Too much mail data"
_GO_ON = ("250", "354")
"""What is answered so may leave with the next answers: the connection stays as it is."""


class Conversation(SMTP):
    """What does not stand here is aiosmtpd's."""

    line_length_limit = 256 * 1024
    """How much is read at once; a mail's lines may be as long as they are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, data_size_limit=SIZE_LIMIT, **kwargs)
        self._unsent: list[bytes] = []
        self._heard_at = 0.0
        self._usual: UsualMail | None = None

    def data_received(self, data: bytes) -> None:
        """A mail in the usual form is taken here, all else by the library."""
        if self._usual is not None:
            self._take_usual(self._usual, data)
        elif self._is_between_mails and (usual := UsualMail.begun_by(data)):
            self._reset_timeout()
            self._usual = usual
            self._writer.write(_BEGUN)
        else:
            super().data_received(data)

    @property
    def _is_between_mails(self) -> bool:
        """Whether nothing is under way, and a mail may come, which no fault is to befall."""
        session, reader = self.session, cast(Any, self._reader)
        if not (session and session.extended_smtp and self.event_handler.is_well):
            return False
        is_allowed = (self._tls_protocol or not self.require_starttls) and (
            session.authenticated or not self._auth_required
        )
        has_begun = bool(reader._buffer or self._unsent or (self.envelope and self.envelope.mail_from))
        return bool(is_allowed) and not has_begun

    def _take_usual(self, mail: UsualMail, data: bytes) -> None:
        rest = mail.add(data, SIZE_LIMIT)
        if rest is None:
            return
        self._usual, text = None, mail.text
        answer = _TOO_MUCH if text is None else self.event_handler.take(mail.sender, [mail.recipient], text)
        self._writer.write(answer.encode() + b"\r\n")
        if rest:
            self.data_received(rest)

    async def push(self, status: AnyStr) -> None:
        """Answers. What commands that came together are answered with leaves together."""
        answer = status if isinstance(status, bytes) else status.encode()
        self._unsent.append(answer + b"\r\n")
        if answer[:3].decode("latin-1") not in _GO_ON:
            self._flush()
        elif len(self._unsent) == 1:
            self.loop.call_soon(self._flush)  # when this conversation waits for its client
        await self._writer.drain()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        """Takes a mail as a whole."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if arg or not (self.envelope and self.envelope.rcpt_tos):
            await self.push("501 Syntax: DATA" if arg else "503 Error: need RCPT command")
            return
        await self.push(_GO_AHEAD)
        content = await self._read_content()
        answer = _TOO_MUCH if content is None else await self._take(content)
        self._set_post_data_state()
        await self.push(answer)

    async def _read_content(self) -> bytes | None:
        """All up to the line that is a dot; None if that was too much to be kept."""
        content, is_too_much = bytearray(), False
        while content != _END and not content.endswith(_LAST_LINE):
            try:
                content += await self._reader.readuntil(_END)
            except asyncio.LimitOverrunError as more:
                content += await self._reader.readexactly(more.consumed)
            if len(content) > SIZE_LIMIT:
                is_too_much = True
                del content[: -len(_LAST_LINE)]
        return None if is_too_much else bytes(content[: -len(_END)])

    async def _take(self, content: bytes) -> str:
        """A line that begins with a dot came with one more (RFC 5321, 4.5.2)."""
        plain = content.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        if self.envelope:
            self.envelope.content = self.envelope.original_content = plain
        answer = await self._call_handler_hook("DATA")
        return "250 OK" if answer is MISSING else str(answer)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        plain = _PLAIN_ADDRESS.fullmatch(arg)
        return (plain[1], plain[2]) if plain else super()._getaddr(arg)

    def _reset_timeout(self, duration: float | None = None) -> None:
        """A timer serves for many commands; the library makes one for each."""
        self._heard_at = self.loop.time()
        if self._timeout_handle is None or duration is not None:
            super()._reset_timeout(duration)

    def _timeout_cb(self) -> None:
        left = self._heard_at + self._timeout_duration - self.loop.time()
        if left > 0:
            super()._reset_timeout(left)
        else:
            super()._timeout_cb()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent:
            self._writer.write(b"".join(unsent))
