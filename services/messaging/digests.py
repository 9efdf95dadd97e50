"""What a digest says of each mail that it gathers: as little as its title needs."""

from collections.abc import Sequence
from typing import Any

from common import clock

Document = dict[str, Any]
_LONGEST_TITLE = 300
_FLAGS = ("completed", "new_device")


def digest_of(messages: Sequence[Document]) -> Document:
    """The context of the mail that stands for all these messages."""
    names = (message["context"].get("name") for message in messages)
    name = next((name for name in names if isinstance(name, str)), None)
    return {"name": name and name[:_LONGEST_TITLE], "mails": [_shown(message) for message in messages]}


def _shown(message: Document) -> Document:
    # A context is what somebody posted: it may have any shape, and any size.
    context = message["context"]
    todos = context.get("todos") if isinstance(context.get("todos"), list) else []
    count = context.get("count")
    about: Document = {flag: True for flag in _FLAGS if context.get(flag) is True}
    if todos:
        title = todos[0].get("title") if isinstance(todos[0], dict) else None
        about["todos"] = [{"title": title[:_LONGEST_TITLE] if isinstance(title, str) else ""}]
        about["count"] = count if isinstance(count, int) and 0 < count < 10**9 else len(todos)
    return {"template": message["template"], "at": clock.to_text(message["created_at"]), "context": about}
