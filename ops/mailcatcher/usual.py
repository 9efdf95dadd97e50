"""The usual mail: its three commands come in one write, then its text.

aiosmtpd takes each of these by itself, in a task that has to be woken. What comes in the usual form is read
here without that, and answered at once.
"""

import re
from typing import Self

_ADDRESS = rb"<([A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+)>"
_COMMANDS = re.compile(
    rb"MAIL FROM:" + _ADDRESS + rb"(?: SIZE=[0-9]{1,7})?\r\nRCPT TO:" + _ADDRESS + rb"\r\nDATA\r\n"
)
_LINE_END, _END = b"\r\n", b"\r\n.\r\n"


class UsualMail:
    """A mail on its way in; its text is all up to the line that is a dot."""

    def __init__(self, sender: str, recipient: str) -> None:
        self.sender, self.recipient = sender, recipient
        # A dot at its very beginning stands after a line's end as well then.
        self._text = bytearray(_LINE_END)
        self._is_too_long = False

    @classmethod
    def begun_by(cls, commands: bytes) -> Self | None:
        """The mail that these commands begin, if they are the usual ones and nothing else."""
        found = _COMMANDS.fullmatch(commands)
        return cls(found[1].decode(), found[2].decode()) if found else None

    def add(self, data: bytes, limit: int) -> bytes | None:
        """Take in more of the text: None until it is whole, then what came after its end."""
        seen = max(0, len(self._text) - len(_END) + 1)
        self._text += data
        end = self._text.find(_END, seen)
        if end >= 0:
            rest = bytes(self._text[end + len(_END) :])
            del self._text[end + len(_LINE_END) :]
        self._is_too_long = self._is_too_long or len(self._text) - len(_LINE_END) > limit
        if end >= 0:
            return rest
        if self._is_too_long:
            del self._text[: -len(_END)]
        return None

    @property
    def text(self) -> bytes | None:
        """What was sent; None if it was too much. A line that begins with a dot came with one more."""
        plain = self._text.replace(b"\r\n.", _LINE_END)[len(_LINE_END) :]
        return None if self._is_too_long else bytes(plain)
