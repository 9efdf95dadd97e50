"""What the mailer's tests share: certificates, an account, a small mail."""

import subprocess
from pathlib import Path

from services.notifications.emails import RenderedEmail, build_message
from services.notifications.mailer import Mailer

USER, PASSWORD = "todos", "correct horse"
SENDER = "Todos <no-reply@example.com>"
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"


class Certificates:
    """A private authority, and the certificates that it gives out."""

    def __init__(self, directory: Path) -> None:
        self.authority = directory / "ca.pem"
        self._directory = directory
        self._openssl("-keyout ca.key -out ca.pem -subj /CN=Test-CA -addext keyUsage=critical,keyCertSign")

    def issue(self, name: str, subject: str) -> list[str]:
        """Makes a certificate for the subject; returns the mail catcher's options that use it."""
        self._openssl(
            f"-keyout {name}.key -out {name}.pem -subj /CN={name} -CA ca.pem -CAkey ca.key"
            f" -addext subjectAltName={subject} -addext basicConstraints=critical,CA:FALSE"
        )
        return [
            "--tls-cert",
            str(self._directory / f"{name}.pem"),
            "--tls-key",
            str(self._directory / f"{name}.key"),
        ]

    def _openssl(self, arguments: str) -> None:
        command = ["openssl", "req", "-x509", *_KEY.split(), *arguments.split()]
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True)


def send(
    mailer: Mailer, recipient: str = "ada@example.org", subject: str = "Hi", text: str = "Hello\n"
) -> None:
    """Sends a small mail."""
    mail = RenderedEmail(subject, text, "<p>Hello</p>\n")
    mailer.send(build_message(mail, message_id="m-1", sender=SENDER, recipient=recipient))
