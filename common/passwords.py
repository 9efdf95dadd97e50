"""Password hashes: bcrypt over a digest, computed off the hub and below other work's priority.

bcrypt reads 72 bytes and stops at a NUL, so it gets the base64 text of the password's SHA-256 (44
bytes, no NUL; the scheme that Django and passlib call bcrypt-sha256, without their framing). A
password is normalised to NFC first: the same keys pressed on two systems give the same hash.
"""

import base64
import hashlib
import os
import re
import threading
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import bcrypt
from eventlet import tpool
from eventlet.semaphore import Semaphore

from common import metrics
from common.errors import DeadlineExceeded

Hashing = Callable[[bytes, bytes], Any]
# A tenth of the weight of other work: it yields to calls, and still gets on beside a busy neighbour.
_NICENESS = 10
_BCRYPT = re.compile(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_DIGEST_LENGTH = 31
# As many at once as there are processors: more would only take turns.
_PLACES = os.cpu_count() or 1
_slots = Semaphore(_PLACES)
metrics.show_semaphore("hashing", _PLACES, _slots)


def hash_password(password: str, rounds: int, patience: float | None = None) -> str:
    """A bcrypt hash at cost ``rounds``; takes about 0.25 s of a core at 12.

    ``patience`` is how many seconds it may wait for its turn; DeadlineExceeded if that is not enough.
    """
    salt = bcrypt.gensalt(rounds)
    return _off_hub(bcrypt.hashpw, password, salt, patience).decode("ascii")


def verify_password(password: str, stored: str, patience: float | None = None) -> bool:
    """Whether the password is the stored hash's; False for a hash that is none."""
    try:
        return bool(_off_hub(bcrypt.checkpw, password, stored.encode("ascii", "replace"), patience))
    except ValueError:
        return False


def verify_at_cost(password: str, stored: str | None, rounds: int, patience: float | None = None) -> bool:
    """The same in the time that cost ``rounds`` takes, also without a hash or with a cheaper one."""
    cost = cost_of(stored) if stored else None
    right = verify_password(password, stored, patience) if stored else False
    # Each cost is twice the work of the one before: 10 and then 10 and 11 are 12.
    for missing in [rounds] if cost is None else range(cost, rounds):
        verify_password(password, dummy_hash(missing), patience)
    return right


def cost_of(stored: str) -> int | None:
    """The cost of a bcrypt hash; None for a text that is none."""
    found = _BCRYPT.fullmatch(stored)
    return int(found[1]) if found else None


@lru_cache(maxsize=32)
def dummy_hash(rounds: int) -> str:
    """What looks like a hash and is nobody's: to verify against it takes as long as against a real one."""
    return bcrypt.gensalt(rounds).decode("ascii") + "." * _DIGEST_LENGTH


def _digest(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def _off_hub(function: Hashing, password: str, other: bytes, patience: float | None) -> bytes:
    if not _slots.acquire(timeout=patience):
        # Nobody waits for it any more, and others do.
        raise DeadlineExceeded("deadline_exceeded", "Too many passwords are being checked: try again later.")
    try:
        answer: bytes = tpool.execute(_at_low_priority, function, _digest(password), other)
    finally:
        _slots.release()
    return answer


def _at_low_priority(function: Hashing, *arguments: bytes) -> Any:
    # Linux keeps a niceness for each thread.
    # Never log in here: the log's lock and a foreign thread do not go together under eventlet.
    thread = threading.get_native_id()
    if os.getpriority(os.PRIO_PROCESS, thread) < _NICENESS:
        os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)
    return function(*arguments)
