"""What the SMTP side and the web side share."""

from dataclasses import dataclass, field

from ops.mailcatcher.faults import Attempts, Faults
from ops.mailcatcher.store import MailStore


@dataclass
class Catcher:
    """The caught mails, the attempts and the faults in force."""

    store: MailStore
    attempts: Attempts = field(default_factory=Attempts)
    faults: Faults = field(default_factory=Faults)
