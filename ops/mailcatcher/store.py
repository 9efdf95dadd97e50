"""The caught mails: a file each in a maildir, so that they survive a restart.

Not a power cut: ``mailbox`` waits for the disk with each mail, which is half of what a mail costs here.
"""

import itertools
import json
import mailbox
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.mailcatcher.message import Content, read_content, read_headers

ENVELOPE_HEADER = b"X-Mailcatcher-Envelope: "


@dataclass(frozen=True)
class Summary:
    """What the list shows of a mail."""

    id: str
    received_at: str
    sender: str
    recipients: list[str]
    subject: str


class MailStore:
    """Mails in the order of their arrival. Used by the SMTP and the web side at once."""

    def __init__(self, directory: Path) -> None:
        directory.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished, self._whole = str(directory / "tmp"), str(directory / "new")
        self._maildir = mailbox.Maildir(directory)
        self._began = f"{time.time_ns()}.P{os.getpid()}"
        self._written = itertools.count()
        self._lock = threading.RLock()
        self._mails: dict[str, Summary] = {}
        self._keys: dict[str, str] = {}
        self._load()
        self._last_id = max((int(mail_id) for mail_id in self._mails), default=0)

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, sender: str, recipients: list[str], raw: bytes, subject: str | None = None) -> Summary:
        """Keeps a mail; whoever has read its subject already says so."""
        if subject is None:
            (subject,) = read_headers(raw, "subject")
        with self._lock:
            mail_id = str(self._last_id + 1)
            summary = Summary(mail_id, rfc3339_now(), sender, recipients, subject)
            envelope = json.dumps(vars(summary)).encode()
            self._keys[mail_id] = self._write(ENVELOPE_HEADER + envelope + b"\n" + raw)
            self._mails[mail_id] = summary
            self._last_id += 1
        return summary

    def find(
        self, recipient: str = "", subject: str = "", search: str = "", limit: int = 100
    ) -> list[Summary]:
        """The newest mails to exactly this recipient, with this in the subject, to someone like this."""
        with self._lock:
            newest_first = sorted(self._mails.values(), key=lambda mail: int(mail.id), reverse=True)
        found = [mail for mail in newest_first if _matches(mail, recipient, subject, search)]
        return found[:limit]

    def get(self, mail_id: str) -> Summary | None:
        """A mail by its id, or nothing."""
        return self._mails.get(mail_id)

    def raw(self, mail_id: str) -> bytes:
        """The mail as it came; nothing when it was deleted meanwhile."""
        with self._lock:
            key = self._keys.get(mail_id)
            stored = self._read(key) if key else b""
        return stored.partition(b"\n")[2]

    def content(self, mail_id: str) -> Content:
        """The mail's readable parts."""
        return read_content(self.raw(mail_id))

    def clear(self) -> None:
        """Deletes every mail."""
        with self._lock:
            self._maildir.clear()
            self._mails.clear()
            self._keys.clear()

    def _write(self, stored: bytes) -> str:
        """As a maildir wants it: whole before it has its place."""
        key = f"{self._began}Q{next(self._written)}.mailcatcher"
        unfinished = f"{self._unfinished}/{key}"
        with open(unfinished, "xb") as file:  # paths made of objects cost as much as the file
            file.write(stored)
        os.rename(unfinished, f"{self._whole}/{key}")
        return key

    def _read(self, key: str) -> bytes:
        try:
            return Path(self._whole, key).read_bytes()
        except FileNotFoundError:  # a mail program has moved it
            return self._maildir.get_bytes(key)

    def _load(self) -> None:
        """Files that this store did not write are left alone."""
        for key in self._maildir.iterkeys():
            first_line = self._maildir.get_bytes(key).partition(b"\n")[0]
            if first_line.startswith(ENVELOPE_HEADER):
                summary = Summary(**json.loads(first_line.removeprefix(ENVELOPE_HEADER)))
                self._mails[summary.id], self._keys[summary.id] = summary, key


def rfc3339_now() -> str:
    """The time in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _matches(mail: Summary, recipient: str, subject: str, search: str) -> bool:
    recipients = [address.lower() for address in mail.recipients]
    return (
        (not recipient or recipient.lower() in recipients)
        and subject.lower() in mail.subject.lower()
        and any(search.lower() in address for address in recipients)
    )
