"""The notification service: takes a mail that was asked for, sends it once, and tells what became of it."""

from dataclasses import asdict
from typing import Any

import eventlet

from common import events, metrics
from common.delivery import CurrentAttempt, handles
from common.failures import DeliveryFailure, Postponed, TemporaryFailure
from common.identity import Allow
from common.locales import DEFAULT_LOCALE
from common.logging import get_logger
from common.mail_kinds import KINDS, PREFERENCE_FOR
from common.rpc import rpc
from common.service import SuiteService
from common.unsubscribe import UnsubscribeLinks
from services.notifications import domain
from services.notifications.claims import Claim
from services.notifications.emails import RenderedEmail, build_message, render
from services.notifications.list_headers import one_click
from services.notifications.mail_server import MailServer
from services.notifications.samples import sample_context
from services.notifications.settings import MailSettings
from services.notifications.storage import DeliveryStorage

log = get_logger()
Payload = dict[str, Any]


class NotificationsService(SuiteService):
    """Messages in, mails out."""

    name = "notifications"
    deliveries: Any = DeliveryStorage()
    mailer: Any = MailServer()
    settings: Any = MailSettings()
    attempt: Any = CurrentAttempt()
    unsubscribing: Any = UnsubscribeLinks()

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def preview(self, template: str, locale: str = DEFAULT_LOCALE) -> dict[str, str]:
        """How a mail reads, filled with sample data: ``{subject, text, html}``."""
        if template not in KINDS:
            raise domain.no_such_template()
        link = self.unsubscribing.address("sample") if template in PREFERENCE_FOR else None
        return asdict(self._render(template, sample_context(template), locale, link))

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def cancel(self, message_id: str) -> None:
        """See to it that a mail is never sent; Conflict if it is sent, or being sent."""
        self.deliveries.cancel(message_id)

    @handles(events.NOTIFICATION_REQUESTED, share=domain.POOL_SHARE, quiet=True)
    def handle_notification_requested(self, event: Payload) -> None:
        """Claim the mail, send it, note the outcome; what fails is raised, and tried again if it may be."""
        with self.deliveries.under_way():
            self._deliver(event)

    def _deliver(self, event: Payload) -> None:
        claim = self.deliveries.claim(event["message_id"], event["template"])
        if claim is None:
            log.info("message_duplicate", message_id=event["message_id"])
            return
        with claim.lease:
            self._send_claimed(event, claim)
        metrics.mail(event["template"], "sent").inc()
        log.info("mail_sent", message_id=event["message_id"], template=event["template"])

    def _send_claimed(self, event: Payload, claim: Claim) -> None:
        try:
            self._send(event)
        except Postponed:
            claim.lease.give_back()
            raise
        except DeliveryFailure as failure:
            self._note_failure(event, claim, failure)
            raise
        claim.sent(self.attempt.number)

    def _send(self, event: Payload) -> None:
        link = self._unsubscribe_link(event)
        rendered = self._render(event["template"], event["context"], event.get("locale"), link)
        message = build_message(
            rendered,
            message_id=event["message_id"],
            sender=self.settings.sender,
            recipient=event["recipient"],
            headers=one_click(link),
        )
        late = TemporaryFailure("smtp_timeout", "sending took too long")
        with eventlet.Timeout(domain.SEND_SECONDS, late):
            self.mailer.send(message)

    def _render(self, template: str, context: Payload, locale: object, link: str | None) -> RenderedEmail:
        public_url = self.settings.public_url
        return render(template, context, public_url=public_url, locale=locale, unsubscribe_url=link)

    def _unsubscribe_link(self, event: Payload) -> str | None:
        preference, user_id = PREFERENCE_FOR.get(str(event["template"])), event.get("user_id")
        return self.unsubscribing.link(user_id, preference) if preference and user_id else None

    def _note_failure(self, event: Payload, claim: Claim, failure: DeliveryFailure) -> None:
        final = domain.is_final(failure, self.attempt.is_last)
        claim.failed(self.attempt.number, failure.reason, failure.message, final)
        metrics.mail(event["template"], "dead" if final else "retried").inc()
        # The delivery of the event warns: it says whether there will be another attempt.
        log.info(
            "mail_failed", message_id=event["message_id"], template=event["template"], reason=failure.reason,
            detail=failure.message, attempt=self.attempt.number, final=final,
        )  # fmt: skip
