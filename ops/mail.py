"""`make mail`: the newest caught mails as a table, or the text of one (`make mail ID=7`)."""

import os
import sys
from pathlib import Path
from typing import Any

from ops.engines import MailCatcher

DIRECTORY = Path(__file__).resolve().parents[1] / ".local" / "mail"
SHOWN = 20


def table(mails: list[dict[str, Any]]) -> str:
    """A line a mail, newest first."""
    rows = [("ID", "RECEIVED", "TO", "SUBJECT")]
    rows += [
        (mail["id"], mail["received_at"][:19].replace("T", " "), ", ".join(mail["to"]), mail["subject"])
        for mail in mails
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def letter(mail: dict[str, Any]) -> str:
    """A mail's most important headers and its text."""
    head = [f"From: {mail['from']}", f"To: {', '.join(mail['to'])}", f"Subject: {mail['subject']}"]
    head.append(f"Received: {mail['received_at']}")
    return "\n".join([*head, "", mail["text"] or "(no text part)"])


def main(arguments: list[str]) -> int:
    """Asks the running mail catcher; the exit code."""
    catcher = MailCatcher(DIRECTORY, 0, int(os.environ.get("MAILCATCHER_HTTP_PORT") or 8025))
    try:
        if arguments:
            print(letter(catcher.mail(arguments[0])))
        else:
            mails = catcher.mails(limit=SHOWN)
            print(table(mails) if mails else "No mail was caught yet.")
    except OSError:
        print(f"error: no mail catcher answers at {catcher.url}: is 'make run' running?", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
