"""What a mail needs to know beyond its own content: who sends it, and where its links lead."""

from dataclasses import dataclass

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.notifications.smtp_settings import SmtpSettings


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The sender, and the address under which people reach the suite."""

    sender: str
    public_url: str


class MailSettings(DependencyProvider):
    """Injects the :class:`Letterhead`."""

    def setup(self) -> None:
        """Read the settings once."""
        config = self.container.config
        self.letterhead = Letterhead(SmtpSettings.from_config(config).sender, config["PUBLIC_URL"])

    def get_dependency(self, worker_ctx: WorkerContext) -> Letterhead:
        """The same for every mail."""
        return self.letterhead
