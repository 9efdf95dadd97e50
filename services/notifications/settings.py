"""What a mail needs to know beyond its own content: who sends it, and where its links lead."""

from dataclasses import dataclass

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common.config import BadSetting
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
        try:
            sender = SmtpSettings.from_config(config).sender
        except ValueError as problem:
            raise BadSetting(str(problem)) from None
        self.letterhead = Letterhead(sender, config["PUBLIC_URL"])

    def get_dependency(self, worker_ctx: WorkerContext) -> Letterhead:
        """The same for every mail."""
        return self.letterhead
