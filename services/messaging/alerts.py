"""What an owner is told when something has happened to the account that they should know at once."""

from collections.abc import Mapping
from typing import Any

from common.locales import DEFAULT_LOCALE, language_of

_CLOSING = {
    "en": "If this was not you, set a new password and end all sessions.",
    "de": "Wenn du das nicht warst: Setze ein neues Passwort und beende alle Sitzungen.",
}
WORDS: dict[str, dict[str, tuple[str, str]]] = {
    "refresh_token_reused": {
        "en": (
            "A session was ended",
            "A refresh token of your account was used a second time: somebody may have a copy of it. The"
            " session that it belonged to has been ended.",
        ),
        "de": (
            "Eine Sitzung wurde beendet",
            "Ein Refresh-Token deines Kontos wurde ein zweites Mal benutzt: Jemand hat vielleicht eine Kopie"
            " davon. Die Sitzung, zu der es gehörte, wurde beendet.",
        ),
    },
}  # fmt: skip
"""By alert and language: a title and what it says."""


def words(event: Mapping[str, Any], locale: object) -> dict[str, str]:
    """Title and message for ``account_alerted``; an alert of a newer version is named as it is."""
    alert, language = str(event["alert"]), language_of(locale)
    known = WORDS.get(alert, {DEFAULT_LOCALE: (alert.replace("_", " ").capitalize(), "")})
    title, message = known.get(language) or known[DEFAULT_LOCALE]
    where = f"{event['occurred_at']}, {event['ip']}" if event["ip"] else str(event["occurred_at"])
    return {"title": title, "message": "\n\n".join(filter(None, (message, where, _CLOSING[language])))}
