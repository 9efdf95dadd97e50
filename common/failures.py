"""Why something could not be delivered, in the two words that decide what happens next.

DeliveryFailure
├── TemporaryFailure   worth another try later
└── PermanentFailure   can never succeed as it is: to the dead letters at once
"""


class DeliveryFailure(Exception):
    """A delivery that failed: `reason` is a stable word, `message` says it to a person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class TemporaryFailure(DeliveryFailure):
    """The next attempt may succeed: a server that is away, slow or busy."""


class PermanentFailure(DeliveryFailure):
    """No attempt can succeed: an address, a content or a template that is wrong."""


class Postponed(TemporaryFailure):
    """Somebody else is at it: look again in `seconds`; this does not use up an attempt."""

    def __init__(self, reason: str, message: str, seconds: float) -> None:
        super().__init__(reason, message)
        self.seconds = seconds
