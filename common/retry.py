"""When to try again: a pure function for the delay, and a policy for what deserves another attempt."""

import math
import random
from collections.abc import Callable

from common.errors import DeadlineExceeded, InternalError, SuiteError, TooManyRequests, Unavailable
from common.failures import DeliveryFailure, PermanentFailure

_SLOTS = 16
_DETAIL_CHARACTERS = 500


def backoff(retry: int, base: float, cap: float, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before retry ``retry`` (from 0): 0.75 to 1.25 times ``min(cap, base * 2**retry)``."""
    longest: float = min(cap, base * 2 ** min(retry, 62))
    return longest * (0.75 + 0.5 * draw())


def slot(milliseconds: int, retry_milliseconds: float) -> int:
    """The delay queue for a drawn delay: its TTL, the upper edge of a sixteenth of the jitter's range.

    A message leaves at its own expiry or, behind a later one, at most one slot after it: never past
    the formula's upper bound, but for the milliseconds to which sixteen equal slots are rounded up.
    """
    lowest, highest = math.floor(retry_milliseconds * 0.75), math.ceil(retry_milliseconds * 1.25)
    width = max(1, math.ceil((highest - lowest) / _SLOTS))
    return lowest + width * max(1, math.ceil((milliseconds - lowest) / width))


def is_permanent(error: BaseException) -> bool:
    """Whether another attempt can't help: a permanent failure, or a refusal by a rule."""
    if isinstance(error, SuiteError):
        return not isinstance(error, Unavailable | DeadlineExceeded | InternalError | TooManyRequests)
    return isinstance(error, PermanentFailure)


def describe(error: BaseException) -> tuple[str, str]:
    """A stable word for why, and one line of detail."""
    if isinstance(error, DeliveryFailure):
        reason, detail = error.reason, error.message
    elif isinstance(error, SuiteError):
        reason, detail = error.code, error.message
    else:
        reason, detail = "handler_error", f"{type(error).__name__}: {error}"
    return reason, detail[:_DETAIL_CHARACTERS]
