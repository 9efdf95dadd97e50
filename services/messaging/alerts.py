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
    "second_factor_on": {
        "en": ("Two-factor authentication is on", "From now on, a login takes a code as well."),
        "de": ("Zwei-Faktor-Anmeldung ist an", "Von jetzt an braucht eine Anmeldung auch einen Code."),
    },
    "second_factor_off": {
        "en": ("Two-factor authentication is off", "From now on, your password alone opens your account."),
        "de": ("Zwei-Faktor-Anmeldung ist aus", "Von jetzt an genügt dein Passwort zur Anmeldung."),
    },
    "second_factor_reset": {
        "en": (
            "Two-factor authentication was reset",
            "An administrator has switched it off for your account. Your password alone opens it, until you"
            " switch it on again.",
        ),
        "de": (
            "Zwei-Faktor-Anmeldung wurde zurückgesetzt",
            "Die Verwaltung hat sie für dein Konto abgeschaltet. Dein Passwort allein genügt zur Anmeldung,"
            " bis du sie wieder anschaltest.",
        ),
    },
    "recovery_code_used": {
        "en": ("A recovery code was used", "One of your recovery codes was used in place of your app."),
        "de": ("Ein Ersatzcode wurde benutzt", "Jemand hat einen deiner Ersatzcodes statt der App benutzt."),
    },
    "access_token_made": {
        "en": (
            "An access token was made",
            "A personal access token was made for your account. Whoever has it may do what it is for.",
        ),
        "de": (
            "Ein Zugriffstoken wurde erstellt",
            "Für dein Konto wurde ein persönliches Zugriffstoken erstellt. Wer es hat, darf, wofür es gilt.",
        ),
    },
    "email_change_requested": {
        "en": (
            "Another address was asked for",
            "Somebody has asked for another address for your account. It counts once it is confirmed there;"
            " until then, this one stays.",
        ),
        "de": (
            "Eine andere Adresse wurde angefragt",
            "Für dein Konto wurde eine andere Adresse angefragt. Sie gilt, sobald sie dort bestätigt ist; bis"
            " dahin bleibt es bei dieser.",
        ),
    },
    "email_changed": {
        "en": (
            "Your account has another address",
            "From now on, mails about your account go to another address, and this one opens it no more.",
        ),
        "de": (
            "Dein Konto hat eine andere Adresse",
            "Von jetzt an gehen Mails zu deinem Konto an eine andere Adresse; diese öffnet es nicht mehr.",
        ),
    },
    "login_failures": {
        "en": (
            "Wrong passwords for your account",
            "Somebody has tried several wrong passwords for your account in a row. None was right.",
        ),
        "de": (
            "Falsche Passwörter für dein Konto",
            "Jemand hat nacheinander mehrere falsche Passwörter für dein Konto versucht. Keines war richtig.",
        ),
    },
    "second_factor_failures": {
        "en": (
            "Wrong codes for your account",
            "Somebody knows your password and has tried several wrong codes.",
        ),
        "de": (
            "Falsche Codes für dein Konto",
            "Jemand kennt dein Passwort und hat mehrere falsche Codes versucht.",
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
