"""What mails say outside of their own texts, in each language: months, statuses, the footer.

The texts themselves are templates: English in `templates/<kind>/`, others in `templates/<language>/<kind>/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """One language. A name that one of its `Names` lacks is shown as the API has it."""

    language: str
    months: tuple[str, ...]
    moment: str
    units: Mapping[str, tuple[str, str]]
    device: str
    statuses: Names
    priorities: Names
    priority: str
    due: str
    fields: Names
    deeds: Names
    kinds: Names
    more: str
    hello: str
    plain_link: str
    reason: str
    unsubscribe: str


ENGLISH = Words(
    language="en",
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    moment="{day} {month} {year}, {time} UTC",
    units={"minute": ("minute", "minutes"), "hour": ("hour", "hours"), "day": ("day", "days")},
    device="{browser} on {system}",
    statuses={},
    priorities={},
    priority="%s priority",
    due="due %s",
    fields={"due_at": "due date"},
    deeds={},
    kinds={},
    more="and %d more",
    hello="Hello",
    plain_link="If the button does not work, open this address:",
    reason="You get this mail because you have an account at Todos.",
    unsubscribe="Unsubscribe from these mails",
)
GERMAN = Words(
    language="de",
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
        "November", "Dezember",
    ),
    moment="{day}. {month} {year}, {time} Uhr (UTC)",
    units={"minute": ("Minute", "Minuten"), "hour": ("Stunde", "Stunden"), "day": ("Tag", "Tage")},
    device="{browser} auf {system}",
    statuses={"pending": "Offen", "in_progress": "In Arbeit", "completed": "Erledigt"},
    priorities={"low": "niedrige Priorität", "medium": "mittlere Priorität", "high": "hohe Priorität"},
    priority="Priorität: %s",
    due="fällig am %s",
    fields={
        "title": "Titel", "description": "Beschreibung", "status": "Status", "completed": "Status",
        "priority": "Priorität", "due_at": "Fälligkeit", "tags": "Schlagwörter", "order": "Reihenfolge",
        "restored": "wiederhergestellt",
    },
    deeds={
        "created": "Angelegt", "updated": "Geändert", "completed": "Erledigt", "deleted": "Gelöscht",
    },
    kinds={
        "welcome": "Willkommen", "welcome_back": "Willkommen zurück", "todo_created": "Aufgabe angelegt",
        "todo_updated": "Aufgabe geändert", "todo_deleted": "Aufgabe gelöscht",
        "todo_reminder": "Erinnerung", "password_reset": "Passwort zurücksetzen",
        "password_changed": "Passwort geändert", "email_verification": "E-Mail-Adresse bestätigen",
        "system_alert": "Mitteilung", "digest": "Sammelmail",
    },
    more="und %d weitere",
    hello="Hallo",
    plain_link="Falls die Schaltfläche nicht funktioniert, öffne diese Adresse:",
    reason="Du erhältst diese E-Mail, weil du ein Konto bei Todos hast.",
    unsubscribe="Diese E-Mails abbestellen",
)  # fmt: skip
WORDS: dict[str, Words] = {words.language: words for words in (ENGLISH, GERMAN)}
