"""A handler of events whose first attempt fails, for tests of what an event and its retry need."""

from typing import Any

from common import events
from common.delivery import handles
from common.errors import Unavailable
from tests.integration.running import Wire, eventually

EVENT = events.USER_DELETED


class SecondAttempts:
    """Base of a service that hears of an event at the second attempt."""

    heard: list[str] = []

    @handles(EVENT)
    def handle_user_deleted(self, event: dict[str, Any]) -> None:
        self.heard.append(event["user_id"])
        if len(self.heard) < 2:
            raise Unavailable("a_word", "A sentence.")

    @classmethod
    def hears(cls, wire: Wire) -> None:
        """Send the event, and wait for both attempts."""
        cls.heard.clear()
        wire.send(EVENT.make("r-1", user_id="u-1"), EVENT.name, f"{EVENT.source}.events")
        eventually(lambda: cls.heard == ["u-1", "u-1"])
