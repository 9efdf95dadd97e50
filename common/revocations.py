"""Which sessions are over, and how old the knowledge of it is.

An access token can't be taken back, so each process keeps the ids of the sessions that have ended, as long
as an access token of theirs may still be out. What is not known up to ``BOUND_SECONDS`` ago is not relied
on: then nobody is let in rather than somebody who has been shut out.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import eventlet

from common.errors import Unauthenticated, Unavailable

BOUND_SECONDS = 10.0
"""How old the knowledge may be at most; the documents promise it."""
MARGIN_SECONDS = 60
"""How much longer than an access token an ended session is kept: clocks differ, and signing takes time."""
_TICK_SECONDS = 0.05


class RevokedSessions:
    """The ended sessions that this process has heard of. Moments are of ``time.monotonic``."""

    def __init__(self, keep_seconds: float) -> None:
        self._keep_seconds = keep_seconds
        self._until: OrderedDict[str, float] = OrderedDict()
        self._long_until: dict[str, float] = {}
        self._known_up_to = float("-inf")
        self.is_complete = False

    def __len__(self) -> int:
        return len(self._until) + len(self._long_until)

    @property
    def is_current(self) -> bool:
        """Whether each session that ended more than ``BOUND_SECONDS`` ago is known here."""
        return time.monotonic() - self._known_up_to <= BOUND_SECONDS

    def check(self, session_id: str) -> None:
        """Raise Unauthenticated for a session that has ended, and Unavailable if that can't be told."""
        if session_id in self._until or session_id in self._long_until:
            raise Unauthenticated("token_revoked", "This access token's session has ended: log in again.")
        if not self.is_current:
            raise Unavailable("unavailable", "Whether sessions have ended is not known here: try again.")

    def wait_for_list(self, seconds: float) -> None:
        """Let a call that came early wait until the list has been loaded, at most for that time."""
        end = time.monotonic() + seconds
        while not self.is_complete and not self.is_current and time.monotonic() < end:
            eventlet.sleep(_TICK_SECONDS)

    def add(self, session_ids: Iterable[str], kept_until: Mapping[str, float] | None = None) -> None:
        """Remember that these have ended, and forget those whose access tokens have all expired.

        ``kept_until`` are moments in Unix time for those whose tokens may be out for longer than others'.
        """
        now, long = time.monotonic(), kept_until or {}
        for one in session_ids:
            if one in long:
                self._long_until[one] = now + float(long[one]) - time.time()
                continue
            self._until[one] = now + self._keep_seconds
            self._until.move_to_end(one)  # the first in this order is the first to be forgotten
        while self._until and next(iter(self._until.values())) < now:
            self._until.popitem(last=False)
        if long:
            self._long_until = {one: end for one, end in self._long_until.items() if end > now}

    def complete(self, moment: float) -> None:
        """All that had ended by ``moment`` has been added, and events tell of all that came later."""
        self.is_complete = True
        self.confirm(moment)

    def confirm(self, moment: float) -> None:
        """The events up to ``moment`` have been read. Of no use while the beginning is missing."""
        if self.is_complete:
            self._known_up_to = max(self._known_up_to, moment)

    def lose(self) -> None:
        """Events may have been missed: nothing later than now is known until the list was loaded again."""
        self.is_complete = False
