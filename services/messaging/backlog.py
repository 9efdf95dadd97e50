"""How much is on its way, and whether it is stuck: for the metrics, and in words for the health."""

from pymongo import ASCENDING
from pymongo.database import Database

from common import clock, metrics
from common.health import Unwell
from common.mongo import Document, translated
from services.messaging import domain
from services.messaging.dead_letters import DeadLetters

_TOO_LONG_SECONDS = 300
_UNDER_WAY: Document = {"status": {"$in": [domain.QUEUED, domain.RETRYING]}}
_WAITING: Document = {**_UNDER_WAY, "due_at": {"$exists": True}, "gathered_into": {"$exists": False}}
_MOVING: Document = {**_UNDER_WAY, "due_at": {"$exists": False}, "gathered_into": {"$exists": False}}


class Backlog:
    """Counts in the ledger. What waits for its time or for the limit is counted apart, since it is not late;
    what is in a digest counts with that.
    """

    def __init__(self, db: Database[Document]) -> None:
        self._messages = db.messages
        self._letters = DeadLetters(db)

    def prepare(self) -> None:
        """An index that holds no more than what is on its way."""
        with translated():
            self._messages.create_index("updated_at", name="under_way", partialFilterExpression=_UNDER_WAY)

    def report(self) -> str:
        """Messages under way, and for how long nothing has become of the oldest; Unwell if that is long."""
        with translated():
            counts = {
                status: self._messages.count_documents({**_MOVING, "status": status})
                for status in (domain.QUEUED, domain.RETRYING)
            }
            waiting = self._messages.count_documents(_WAITING)
        seconds, dead = self._oldest_seconds(), self._letters.count()
        for status, count in {**counts, "waiting": waiting}.items():
            metrics.MESSAGES.labels(status).set(count)
        metrics.OLDEST_MESSAGE_SECONDS.set(seconds)
        metrics.DEAD_LETTERS.set(dead)
        words = ", ".join(f"{count} {status}" for status, count in counts.items())
        words = f"{words}, the oldest for {seconds:.0f} s; {waiting} waiting, {dead} dead letters"
        if seconds > _TOO_LONG_SECONDS:
            raise Unwell(words)
        return words

    def _oldest_seconds(self) -> float:
        with translated():
            found = self._messages.find_one(_MOVING, {"updated_at": 1}, sort=[("updated_at", ASCENDING)])
        return max(0.0, (clock.now() - found["updated_at"]).total_seconds()) if found else 0.0
