"""The messaging service: hears of facts, enters each mail that they ask for once, and follows it."""

import uuid
from typing import Any

from common import events, metrics
from common.delivery import handles
from common.errors import NotFound
from common.events import Event
from common.identity import Allow
from common.logging import get_logger
from common.rpc import Repeated, Service, deleting, rpc
from common.schemas import load
from services.messaging import domain
from services.messaging.dead_letter_consumer import takes_dead_letters
from services.messaging.domain import Contact, Mail, Payload
from services.messaging.http_api import MessagesApi
from services.messaging.replaying import Refusals, replay
from services.messaging.schemas import (
    DeadLetterQuery,
    MessageQuery,
    OwnQuery,
    Replay,
    read_message,
    show_dead_letter,
    show_message,
    show_whole_dead_letter,
)
from services.messaging.sender import Sender
from services.messaging.storage import MessagingStorage
from services.messaging.topology import Queues

log = get_logger()
Payloads = list[Payload]


class MessagingService(MessagesApi):
    """Events in, messages out; the ledger tells what became of each."""

    name = "messaging"
    ledger: Any = MessagingStorage()
    is_repeated: Any = Repeated()
    users: Any = Service("users", as_service=True)
    notifications: Any = Service("notifications", as_service=True)
    broker: Any = Queues()
    send: Any = Sender()

    @rpc(allow=Allow.ADMIN, scope="messages:write")
    def publish(self, data: Any, idempotency_key: str | None = None) -> Payload:
        """Enter a message: ``{id, status}``; the same idempotency key gives the same message."""
        wanted = read_message(data, idempotency_key)
        key = wanted.pop("idempotency_key")
        origin = f"key:{self.caller.user_id}:{key}" if key else f"once:{uuid.uuid4()}"
        mail = Mail(domain.message_id(origin), **wanted)
        return {"id": mail.message_id, "status": self.ledger.add_once(mail)}

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:write")
    def cancel(self, message_id: str) -> None:
        """See to it that a message is never sent; Conflict if it is sent, or being sent."""
        known = self.ledger.get(message_id)
        if known["status"] == domain.CANCELLED or self.ledger.cancel_waiting(message_id):
            return
        domain.refuse_to_cancel(self.ledger.get(message_id))
        self.notifications.cancel(message_id=message_id)
        self.ledger.cancelled(message_id)

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def list(self, query: dict[str, str]) -> Payload:
        """A page of the ledger, newest first: ``{items, next_cursor, total}``."""
        page: Payload = self.ledger.page(load(MessageQuery, query)).show(show_message)
        return page

    @rpc(allow=Allow.USER, idempotent=True)
    def own(self, query: dict[str, str]) -> Payload:
        """A page of the messages to the caller, in the shape of ``list``."""
        wanted = {**load(OwnQuery, query), "user_id": self.caller.user_id, "count": "false"}
        page: Payload = self.ledger.page(wanted).show(show_message)
        return page

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def get(self, message_id: str) -> Payload:
        """One message with its attempts."""
        return show_message(self.ledger.get(message_id))

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def queues(self) -> Any:
        """Every queue: name, messages, consumers, rates."""
        return self.broker.show()

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def dead_letters(self, query: dict[str, str]) -> Payload:
        """A page of dead letters, the latest first: ``{items, next_cursor, total}``."""
        page: Payload = self.ledger.dead_letters.page(load(DeadLetterQuery, query)).show(show_dead_letter)
        return page

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:read")
    def dead_letter(self, letter_id: str) -> Payload:
        """One dead letter with its payload."""
        return show_whole_dead_letter(self.ledger.dead_letters.get(letter_id))

    @rpc(allow=Allow.ADMIN, scope="messages:write")
    def replay_dead_letter(self, letter_id: str) -> Payload:
        """Send one again: ``{replayed: 1}``; Conflict if no queue takes it."""
        if refused := self._replay([self.ledger.dead_letters.take(letter_id)]):
            raise refused[0][1]
        return {"replayed": 1}

    @rpc(allow=Allow.ADMIN, scope="messages:write")
    def replay_dead_letters(self, data: Any) -> Payload:
        """Send those again that match, the oldest first: ``{replayed, not_replayed?}``."""
        wanted = load(Replay, data)
        taken = self.ledger.dead_letters.take_oldest(wanted, wanted["limit"])
        refused = len(self._replay(taken))
        return {"replayed": len(taken) - refused, **({"not_replayed": refused} if refused else {})}

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="messages:write")
    def delete_dead_letter(self, letter_id: str) -> None:
        """Give one up."""
        with deleting(self.is_repeated):
            self.ledger.dead_letters.give_up(letter_id)

    @takes_dead_letters
    def handle_dead_letter(self, letter: Payload) -> None:
        """Keep what no attempt could deliver."""
        if not self.ledger.keep_dead_letter(letter):
            log.info("message_duplicate", dead_letter_id=letter["_id"])

    @handles(events.USER_REGISTERED)
    def handle_user_registered(self, event: Payload) -> None:
        """Remember where the user's mails go, and welcome them."""
        self.ledger.keep_contact(domain.contact_of(event))
        self._tell(events.USER_REGISTERED, event)

    @handles(events.USER_UPDATED)
    def handle_user_updated(self, event: Payload) -> None:
        """Remember where the user's mails go from now on."""
        self.ledger.keep_contact(domain.contact_of(event))

    @handles(events.USER_DELETED)
    def handle_user_deleted(self, event: Payload) -> None:
        """Forget the user and what was still to be sent."""
        self.ledger.forget_user(event["user_id"])

    @handles(events.USER_LOGGED_IN, together="tell_together")
    def handle_user_logged_in(self, event: Payload) -> None:
        """Welcome back."""
        self._tell(events.USER_LOGGED_IN, event)

    @handles(events.PASSWORD_RESET_REQUESTED, together="tell_together")
    def handle_password_reset_requested(self, event: Payload) -> None:
        """Send the link."""
        self._tell(events.PASSWORD_RESET_REQUESTED, event)

    @handles(events.PASSWORD_CHANGED, together="tell_together")
    def handle_password_changed(self, event: Payload) -> None:
        """Tell the owner."""
        self._tell(events.PASSWORD_CHANGED, event)

    @handles(events.EMAIL_VERIFICATION_REQUESTED, together="tell_together")
    def handle_email_verification_requested(self, event: Payload) -> None:
        """Send the link to the address that is to be confirmed."""
        self._tell(events.EMAIL_VERIFICATION_REQUESTED, event)

    @handles(events.ACCOUNT_ALERTED)
    def handle_account_alerted(self, event: Payload) -> None:
        """Tell the owner, at the address that the event names if it names one."""
        self._tell(events.ACCOUNT_ALERTED, event)

    @handles(events.TODO_CREATED, together="tell_together")
    def handle_todo_created(self, event: Payload) -> None:
        """Tell the owner."""
        self._tell(events.TODO_CREATED, event)

    @handles(events.TODO_UPDATED, together="tell_together")
    def handle_todo_updated(self, event: Payload) -> None:
        """Tell the owner."""
        self._tell(events.TODO_UPDATED, event)

    @handles(events.TODO_COMPLETED, together="tell_together")
    def handle_todo_completed(self, event: Payload) -> None:
        """Tell the owner."""
        self._tell(events.TODO_COMPLETED, event)

    @handles(events.TODO_DELETED, together="tell_together")
    def handle_todo_deleted(self, event: Payload) -> None:
        """Tell the owner."""
        self._tell(events.TODO_DELETED, event)

    @handles(events.TODO_DUE_SOON, together="tell_together")
    def handle_todo_due_soon(self, event: Payload) -> None:
        """Remind the owner."""
        self._tell(events.TODO_DUE_SOON, event)

    @handles(events.NOTIFICATION_SENT, together="record_together")
    def handle_notification_sent(self, event: Payload) -> None:
        """Note that the mail went out."""
        self.ledger.record_sent([event])

    @handles(events.NOTIFICATION_FAILED)
    def handle_notification_failed(self, event: Payload) -> None:
        """Note why it did not, and whether it will be tried again."""
        self.ledger.record_failed(event)

    @handles(events.NOTIFICATION_CANCELLED)
    def handle_notification_cancelled(self, event: Payload) -> None:
        """Note it, if whoever cancelled did not come to."""
        self.ledger.cancelled(event["message_id"])

    def tell_together(self, kind: Event, told: Payloads) -> Payloads:
        """Many events of a kind; those of users that are not known here are left."""
        contacts = self.ledger.contacts({event["user_id"] for event in told})
        known = [event for event in told if event["user_id"] in contacts]
        mails = [
            (domain.mail_for(kind, event, contacts[event["user_id"]]), _request_of(event)) for event in known
        ]
        template = domain.MAIL_FOR[kind][0]
        wanted = [one for one in mails if _is_wanted(one[0], contacts[one[0].user_id])]
        entered = self.ledger.add_many(wanted)
        if unwanted := len(mails) - len(wanted):
            metrics.mail(template, "unwanted").inc(unwanted)
            log.info("mail_unwanted", event_name=kind.name, count=unwanted)
        if again := len(wanted) - entered:
            log.info("message_duplicate", event_name=kind.name, count=again)
        return [event for event in told if event["user_id"] not in contacts]

    def record_together(self, _: Event, sent: Payloads) -> None:
        """Many mails that went out."""
        self.ledger.record_sent(sent)

    def _replay(self, letters: Payloads) -> Refusals:
        refused = replay(self.ledger, self.send, letters)
        log.info(
            "dead_letters_replayed", count=len(letters) - len(refused), not_replayed=len(refused),
            by=self.caller.user_id,
        )  # fmt: skip
        return refused

    def _tell(self, kind: Event, event: Payload) -> None:
        contact = self.ledger.contact(event["user_id"]) or self._ask_for_contact(event["user_id"])
        if contact is None:
            log.info("recipient_gone", user_id=event["user_id"], event_name=kind.name)
            return
        mail = domain.mail_for(kind, event, contact)
        if not _is_wanted(mail, contact):
            metrics.mail(mail.template, "unwanted").inc()
            log.info("mail_unwanted", user_id=contact.user_id, template=mail.template)
        elif not self.ledger.add(mail):
            log.info("message_duplicate", event_id=event["event_id"], event_name=kind.name)

    def _ask_for_contact(self, user_id: str) -> Contact | None:
        # The user's own event is still on its way here: another queue, another pace.
        try:
            contact = domain.contact_of(self.users.contact(user_id=user_id))
        except NotFound:
            return None
        self.ledger.keep_contact(contact)
        return contact


def _is_wanted(mail: Mail, contact: Contact) -> bool:
    return contact.wants(mail.template, bool(mail.context.get("new_device")))


def _request_of(event: Payload) -> str:
    return str(event.get("request_id") or event["event_id"])
