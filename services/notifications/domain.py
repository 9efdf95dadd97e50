"""The rules of sending: who may try now, and whether a failure is the last."""

from common.errors import Conflict, NotFound
from common.failures import DeliveryFailure, Postponed
from common.retry import is_permanent

CLAIMED, SENT, FAILED, CANCELLED = "claimed", "sent", "failed", "cancelled"
CLOSED = (SENT, CANCELLED)
"""In these states nobody sends the mail any more."""
POOL_SHARE = 1 / 2
"""The part of the workers that may be busy with mails. What waits stays in the broker, where urgent mails
overtake; what is left answers calls."""
SEND_SECONDS = 40
"""How long one attempt may take in all."""
LEASE_SECONDS = 6
"""How long a claim holds if nobody renews it: as long as others wait after its holder has died."""
RENEW_SECONDS = 2
"""How often whoever is sending renews the claim."""
LOOK_AGAIN_SECONDS = 2
NOTE_SECONDS = 30
"""How long it is tried to note that a mail is sent: longer than a failover of the data store takes."""
NOTE_AGAIN_SECONDS = 1


def somebody_else_is_at_it() -> Postponed:
    """Another instance has claimed the mail; it may have died with the claim, so look again."""
    return Postponed("in_progress", "another instance is sending this mail", LOOK_AGAIN_SECONDS)


def no_such_template() -> NotFound:
    """The answer to whoever wants to see a mail that there is not."""
    return NotFound("template_not_found", "There is no such template.")


def too_late(status: str) -> Conflict:
    """The answer for who wants to cancel a mail that is sent, or being sent."""
    if status == SENT:
        return Conflict("message_sent", "This message has been sent.")
    return Conflict("message_being_sent", "This message is being sent.")


def is_final(failure: DeliveryFailure, last_attempt: bool) -> bool:
    """Whether nobody will try again by themselves."""
    return is_permanent(failure) or last_attempt
