"""The caught mails, which survive a restart. Not a power cut: nothing waits for the disk.

Older versions kept a maildir. What is in one is shown as well; nothing is added to it.
"""

import json
import mailbox
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.mailcatcher.log import MailLog, Place
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
        directory.mkdir(parents=True, exist_ok=True)
        self._log = MailLog(directory / "caught")
        is_older = (directory / "new").is_dir()
        self._maildir = mailbox.Maildir(directory, create=False) if is_older else None
        self._lock = threading.RLock()
        self._mails: dict[str, Summary] = {}
        self._places: dict[str, Place | str] = {}
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
            self._places[mail_id] = self._log.append(vars(summary), raw)
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
            place = self._places.get(mail_id)
            if isinstance(place, Place):
                return self._log.read(place)
            stored = self._maildir.get_bytes(place) if place and self._maildir else b""
        return stored.partition(b"\n")[2]

    def content(self, mail_id: str) -> Content:
        """The mail's readable parts."""
        return read_content(self.raw(mail_id))

    def clear(self) -> None:
        """Deletes every mail."""
        with self._lock:
            self._log.clear()
            if self._maildir:
                self._maildir.clear()
            self._mails.clear()
            self._places.clear()

    def _load(self) -> None:
        if self._maildir:
            self._load_older(self._maildir)
        for about, place in self._log.read_all():
            summary = Summary(**about)
            self._mails[summary.id], self._places[summary.id] = summary, place

    def _load_older(self, maildir: mailbox.Maildir) -> None:
        """Files of others are left alone."""
        for key in maildir.iterkeys():
            first_line = maildir.get_bytes(key).partition(b"\n")[0]
            if first_line.startswith(ENVELOPE_HEADER):
                summary = Summary(**json.loads(first_line.removeprefix(ENVELOPE_HEADER)))
                self._mails[summary.id], self._places[summary.id] = summary, key


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
