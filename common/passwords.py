"""Password hashes: bcrypt over a digest, computed off the hub and below other work's priority.

bcrypt reads 72 bytes and stops at a NUL, so it gets the base64 text of the password's SHA-256 (44
bytes, no NUL; the scheme that Django and passlib call bcrypt-sha256, without their framing). A
password is normalised to NFC first: the same keys pressed on two systems give the same hash.
"""

import base64
import hashlib
import os
import threading
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import bcrypt
from eventlet import tpool
from eventlet.semaphore import Semaphore

Hashing = Callable[[bytes, bytes], Any]
# A tenth of the weight of other work: it yields to calls, and still gets on beside a busy neighbour.
_NICENESS = 10
# As many at once as there are processors: more would only take turns.
_slots = Semaphore(os.cpu_count() or 1)


def hash_password(password: str, rounds: int) -> str:
    """A bcrypt hash at cost ``rounds``; takes about 0.25 s of a core at 12."""
    salt = bcrypt.gensalt(rounds)
    return _off_hub(bcrypt.hashpw, password, salt).decode("ascii")


def verify_password(password: str, stored: str) -> bool:
    """Whether the password is the stored hash's; False for a hash that is none."""
    try:
        return bool(_off_hub(bcrypt.checkpw, password, stored.encode("ascii", "replace")))
    except ValueError:
        return False


@lru_cache(maxsize=4)
def dummy_hash(rounds: int) -> str:
    """A hash to verify against where there is no user, so that both answers take the same time."""
    return bcrypt.hashpw(os.urandom(32).hex().encode(), bcrypt.gensalt(rounds)).decode("ascii")


def _digest(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(normal).digest())


def _off_hub(function: Hashing, password: str, other: bytes) -> bytes:
    with _slots:
        answer: bytes = tpool.execute(_at_low_priority, function, _digest(password), other)
    return answer


def _at_low_priority(function: Hashing, *arguments: bytes) -> Any:
    # Linux keeps a niceness for each thread.
    # Never log in here: the log's lock and a foreign thread do not go together under eventlet.
    thread = threading.get_native_id()
    if os.getpriority(os.PRIO_PROCESS, thread) < _NICENESS:
        os.setpriority(os.PRIO_PROCESS, thread, _NICENESS)
    return function(*arguments)
