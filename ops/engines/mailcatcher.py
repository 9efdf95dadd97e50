"""The mail catcher as a process, with what tests ask of it."""

import json
import os
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from ops.engines.ports import LOOPBACK, answers
from ops.engines.process import Engine

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 10.0
EVERYTHING = 1_000_000


class MailCatcher(Engine):
    """`python -m ops.mailcatcher` on two ports; `options` are more of its arguments."""

    name = "mailcatcher"
    stop_grace = 5.0

    def __init__(
        self, directory: Path, smtp_port: int, http_port: int, options: tuple[str, ...] = ()
    ) -> None:
        super().__init__(directory, smtp_port)
        self.http_port = http_port
        self._options = options

    @property
    def uri(self) -> str:
        """Where mails are handed over."""
        return f"smtp://{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """Where mails are shown."""
        return f"http://{LOOPBACK}:{self.http_port}"

    def command(self) -> list[str]:
        """The catcher's command line."""
        addresses = ["--smtp", f"{LOOPBACK}:{self.port}", "--http", f"{LOOPBACK}:{self.http_port}"]
        directory = str(self.directory / "mails")
        return [sys.executable, "-m", "ops.mailcatcher", *addresses, "--directory", directory, *self._options]

    def environment(self) -> dict[str, str]:
        """Lets Python find the catcher from the data directory."""
        return dict(os.environ) | {"PYTHONPATH": str(ROOT)}

    def is_ready(self) -> bool:
        """Whether both sides answer."""
        return answers(LOOPBACK, self.http_port) and answers(LOOPBACK, self.port)

    def mails(self, to: str = "", subject: str = "", limit: int = EVERYTHING) -> list[dict[str, Any]]:
        """The mails to exactly this recipient with this in the subject, newest first."""
        found: list[dict[str, Any]] = self._call("GET", "/api/mails", to=to, subject=subject, limit=limit)
        return found

    def mail(self, mail_id: str) -> dict[str, Any]:
        """One mail; ValueError when there is none of this id."""
        found: dict[str, Any] = self._call("GET", f"/api/mails/{quote(mail_id, safe='')}")
        return found

    def wait_for_mail(self, to: str, subject: str = "", timeout: float = 10.0) -> dict[str, Any]:
        """The newest such mail, as soon as there is one; AssertionError when none comes in time."""
        deadline = time.monotonic() + timeout
        while not (found := self.mails(to, subject, limit=1)):
            if time.monotonic() > deadline:
                caught = [f"{mail['subject']!r} to {', '.join(mail['to'])}" for mail in self.mails(limit=10)]
                raise AssertionError(f"no mail {subject!r} to {to} within {timeout:g} s; newest: {caught}")
            time.sleep(0.05)
        return found[0]

    def faults(self, **faults: Any) -> None:
        """Puts exactly these faults in force; none without arguments."""
        if faults:
            self._call("PUT", "/api/faults", body=faults)
        else:
            self._call("DELETE", "/api/faults")

    def attempts(self, to: str = "") -> list[dict[str, Any]]:
        """Every attempt to hand over a mail since the start, oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/api/attempts", to=to)
        return found

    def clear(self) -> None:
        """Deletes all mails and forgets all attempts."""
        self._call("DELETE", "/api/mails")
        self._call("DELETE", "/api/attempts")

    def _call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        connection = HTTPConnection(LOOPBACK, self.http_port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(
                method, f"{path}?{urlencode(query)}", json.dumps(body).encode() if body else None
            )
            answer = connection.getresponse()
            document = json.load(answer)
        finally:
            connection.close()
        if answer.status >= 400:
            raise ValueError(document["error"])
        return document
