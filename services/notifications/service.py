"""The notification service: takes a mail that was asked for, sends it once, and tells what became of it."""

from typing import Any

import eventlet

from common import events, metrics
from common.delivery import CurrentAttempt, handles
from common.failures import DeliveryFailure, TemporaryFailure
from common.logging import get_logger
from common.service import SuiteService
from services.notifications import domain
from services.notifications.emails import build_message, render
from services.notifications.mailer import MailerProvider
from services.notifications.settings import MailSettings
from services.notifications.storage import DeliveryStorage

log = get_logger()
Payload = dict[str, Any]


class NotificationsService(SuiteService):
    """Messages in, mails out."""

    name = "notifications"
    deliveries: Any = DeliveryStorage()
    mailer: Any = MailerProvider()
    settings: Any = MailSettings()
    attempt: Any = CurrentAttempt()

    @handles(events.NOTIFICATION_REQUESTED)
    def handle_notification_requested(self, event: Payload) -> None:
        """Claim the mail, send it, note the outcome; what fails is raised, and tried again if it may be."""
        if not self.deliveries.claim(event["message_id"], event["template"], event["recipient"]):
            log.info("message_duplicate", message_id=event["message_id"])
            return
        try:
            self._send(event)
        except DeliveryFailure as failure:
            self._note_failure(event, failure)
            raise
        self.deliveries.sent(event["message_id"], self.attempt.number)
        metrics.MAILS.labels(event["template"], "sent").inc()
        log.info("mail_sent", message_id=event["message_id"], template=event["template"])

    def _send(self, event: Payload) -> None:
        rendered = render(event["template"], event["context"], public_url=self.settings.public_url)
        message = build_message(
            rendered,
            message_id=event["message_id"],
            sender=self.settings.sender,
            recipient=event["recipient"],
        )
        late = TemporaryFailure("smtp_timeout", "sending took too long")
        with self.deliveries.held(event["message_id"]), eventlet.Timeout(domain.SEND_SECONDS, late):
            self.mailer.send(message, event["recipient"])

    def _note_failure(self, event: Payload, failure: DeliveryFailure) -> None:
        final = domain.is_final(failure, self.attempt.is_last)
        self.deliveries.failed(
            event["message_id"], self.attempt.number, failure.reason, failure.message, final
        )
        metrics.MAILS.labels(event["template"], "dead" if final else "retried").inc()
        log.warning(
            "mail_failed", message_id=event["message_id"], template=event["template"], reason=failure.reason,
            detail=failure.message, attempt=self.attempt.number, final=final,
        )  # fmt: skip
