"""The mail server as the service depends on it: while it is away, the queue of mails is left alone.

Mails that were taken already are postponed, all others wait where they are; neither costs an attempt.
One connection is tried, with growing pauses, and the queue is consumed again as soon as it is made.
"""

import eventlet
from eventlet.greenthread import GreenThread
from nameko.extensions import DependencyProvider

from common import events, metrics
from common.config import BadSetting
from common.consumer import QueueConsumer
from common.health import Probe, Unwell
from common.logging import get_logger
from common.topology import event_queue
from services.notifications.mailer import Mailer
from services.notifications.smtp_settings import SmtpSettings

log = get_logger()
_LOOK_SECONDS = 0.1


class MailServer(DependencyProvider):
    """Injects the process's mailer; wrong settings stop the start with a line that says why."""

    queue_consumer = QueueConsumer()
    mailer: Mailer
    _watcher: GreenThread | None = None

    def setup(self) -> None:
        """Read the settings; nothing is connected yet."""
        try:
            self.mailer = Mailer(SmtpSettings.from_config(self.container.config))
        except ValueError as problem:
            raise BadSetting(str(problem)) from None
        metrics.show_breaker("smtp", self.mailer.breaker)

    def start(self) -> None:
        """Begin to watch."""
        self._watcher = eventlet.spawn(self._watch)

    def get_dependency(self, worker_ctx: object) -> Mailer:
        """Give every worker the same mailer."""
        return self.mailer

    def probes(self) -> tuple[Probe, ...]:
        """The mail server. It is not critical: mails wait for it, all else goes on."""
        return (Probe("smtp", self._probe, critical=False),)

    def _probe(self) -> None:
        self.mailer.check()
        if not self.mailer.breaker.is_closed:
            raise Unwell("mails are held back until a connection can be made")

    def stop(self) -> None:
        """Hang up, after the last worker has ended."""
        if self._watcher is not None:
            self._watcher.kill()
        self.mailer.close()

    def _watch(self) -> None:
        queue = event_queue(events.NOTIFICATION_REQUESTED, self.container.service_name).name
        while True:
            trouble, server = self.mailer.await_trouble(), self.mailer.settings
            log.error("mail_server_down", queue=queue, host=server.host, port=server.port, error=trouble)
            self.queue_consumer.pause(queue)
            while not self.mailer.try_again():
                eventlet.sleep(_LOOK_SECONDS)
            self.queue_consumer.resume(queue)
            log.info("mail_server_up", queue=queue)
