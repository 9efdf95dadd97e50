"""Where a page of a list begins that shows the newest first."""

from datetime import UTC, datetime

from common.mongo import Document
from common.paging import bad_cursor, read_cursor


def after(cursor: str, field: str) -> Document:
    """The query for what comes after the cursor, by the time in ``field`` and then by id."""
    moment, identifier = read_cursor(cursor)
    try:
        place = datetime.fromisoformat(moment).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise bad_cursor() from None
    if not isinstance(identifier, str):
        raise bad_cursor()
    return {"$or": [{field: {"$lt": place}}, {field: place, "_id": {"$lt": identifier}}]}
