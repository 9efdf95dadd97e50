"""Which lines of successful reading are kept where there are too many of them.

The request's id decides, so that a request has its lines in all services or in none. What has failed, was
slow, or has changed something always has its line.
"""

from zlib import crc32

SLOW_SECONDS = 1.0
_ALL = 1 << 32


class Sample:
    """A share of all requests, from 0 to 1."""

    def __init__(self, share: float) -> None:
        self._limit = share * _ALL

    def keeps(self, request_id: str | None, seconds: float) -> bool:
        """Whether a request's line is to be written."""
        if self._limit >= _ALL or seconds > SLOW_SECONDS or not request_id:
            return True
        return crc32(request_id.encode()) < self._limit
