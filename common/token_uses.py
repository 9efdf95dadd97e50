"""When personal access tokens were last used: told to the user service, at most once a minute for each.

A request waits for none of it, and a token that is used while the user service is down works all the same.
"""

import time

import eventlet
from eventlet.event import Event
from nameko.extensions import SharedExtension

from common.revocation_feed import RevocationFeed

EVERY_SECONDS = 60.0
SEND_SECONDS = 1.0
_MOST_KNOWN = 10_000


class TokenUses(SharedExtension):
    """Gathers the uses of a process."""

    feed = RevocationFeed()

    def __init__(self) -> None:
        super().__init__()
        self._told_at: dict[str, float] = {}
        self._untold: set[str] = set()
        self._noted = Event()

    def note(self, token_id: str) -> None:
        """Remember that a token was used just now, unless that was told less than a minute ago."""
        now = time.monotonic()
        if now - self._told_at.get(token_id, float("-inf")) < EVERY_SECONDS:
            return
        if len(self._told_at) >= _MOST_KNOWN:
            self._told_at.clear()
        self._told_at[token_id] = now
        self._untold.add(token_id)
        if not self._noted.ready():
            self._noted.send()

    def start(self) -> None:
        """Begin to tell."""
        self._thread = self.container.spawn_managed_thread(self._run, identifier="token_uses")

    def stop(self) -> None:
        """Tell no more: what is lost is a minute of a time that is shown."""
        self._thread.kill()

    def _run(self) -> None:
        while True:
            self._noted.wait()
            eventlet.sleep(SEND_SECONDS)
            if self.feed.queue_consumer.connected:
                told, self._untold, self._noted = sorted(self._untold), set(), Event()
                self.feed.call_users("note_token_uses", {"token_ids": told})
