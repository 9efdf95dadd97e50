"""How long a claim on a mail holds: from when it was written, and renewed while its holder lives.

A lease is known by the ``lease_until`` that its holder has written, to the millisecond, since that of a later
claim is later. A process of the version before writes that field as well, and so ends a claim that it takes.
"""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import eventlet
from eventlet.greenthread import GreenThread
from eventlet.hubs import get_hub
from pymongo.collection import Collection

from common import clock
from common.errors import Unavailable
from common.failures import Postponed
from common.logging import get_logger
from common.mongo import Document, translated
from services.notifications import domain

log = get_logger()


class Lease:
    """As a context manager: renewed while the block runs. A slow server, or a data store that is away for a
    moment, does not cost the claim then; a dead process does.
    """

    def __init__(self, deliveries: Collection[Document], message_id: str) -> None:
        self._deliveries = deliveries
        self._message_id = message_id
        self._ends: list[datetime] = []
        """What ``lease_until`` may be: what is known to be stored, and what was tried since."""
        self._since = 0.0
        self._timer: Any = None
        self._keeper: GreenThread | None = None

    def __enter__(self) -> None:
        # As a rule the mail is out before the first renewal: a timer costs less than a green thread.
        pause = max(0.0, self._since + domain.RENEW_SECONDS - monotonic())
        self._timer = get_hub().schedule_call_global(pause, self._keep)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._keeper is not None:
            self._keeper.kill()

    @property
    def is_old(self) -> bool:
        """Whether it should have been renewed by now."""
        return monotonic() - self._since > domain.RENEW_SECONDS

    def begin(self) -> Document:
        """The fields that claim a mail from now on."""
        end = self._next_end()
        self._ends = [end]
        return {"status": domain.CLAIMED, "lease_until": end}

    def mine(self) -> Document:
        """The mail, if it is still claimed by this lease."""
        return {
            "_id": self._message_id, "status": domain.CLAIMED, "lease_until": {"$in": self._ends.copy()},
        }  # fmt: skip

    def renew(self) -> None:
        """Let its time begin anew; Postponed if the mail is another's by now, or closed."""
        mine, end = self.mine(), self._next_end()
        self._ends.append(end)
        with translated():
            done = self._deliveries.update_one(mine, {"$set": {"lease_until": end}})
        if not done.matched_count:
            raise domain.somebody_else_is_at_it()
        self._ends = [end]

    def give_back(self) -> None:
        """End it before its time."""
        with translated():
            self._deliveries.update_one(self.mine(), {"$set": {"lease_until": clock.now()}})

    def _next_end(self) -> datetime:
        self._since = monotonic()
        return clock.now() + timedelta(seconds=domain.LEASE_SECONDS)

    def _keep(self) -> None:
        self._keeper = eventlet.spawn(self._renew_on)

    def _renew_on(self) -> None:
        while True:
            try:
                self.renew()
            except Unavailable:
                log.debug("claim_not_renewed", message_id=self._message_id)
            except Postponed:
                log.warning("claim_lost", message_id=self._message_id)
                return
            eventlet.sleep(domain.RENEW_SECONDS)
