"""The page behind a mail's unsubscribe link: a question with a button, and the answer. No script."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.wrappers import Response

from common.locales import language_of

_STYLE = (
    "body{margin:0;background:#f1f4f9;color:#1f2937;font:16px/1.6 system-ui,sans-serif}"
    "main{max-width:480px;margin:10vh auto;padding:32px 40px;background:#fff;border:1px solid #e2e8f0;"
    "border-radius:14px}h1{margin:0 0 16px;font-size:24px;line-height:1.3;color:#111827}"
    "button{padding:12px 24px;border:0;border-radius:8px;background:#1d4ed8;color:#fff;font:inherit;"
    "font-weight:600;cursor:pointer}.note{margin-bottom:0;font-size:14px;color:#526070}"
)
_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "todo_mails": "mails about your todos",
        "login_mails": "mails about your logins",
        "question": ("Unsubscribe?", "You will get no more {}.", "Unsubscribe"),
        "answer": ("You are unsubscribed", "You get no more {}.", ""),
        "note": "Mails about the security of your account still come. You can change this in your profile.",
    },
    "de": {
        "todo_mails": "E-Mails zu deinen Aufgaben",
        "login_mails": "E-Mails zu deinen Anmeldungen",
        "question": ("E-Mails abbestellen?", "Du erhältst dann keine {} mehr.", "Abbestellen"),
        "answer": ("Die E-Mails sind abbestellt", "Du erhältst keine {} mehr.", ""),
        "note": "E-Mails zur Sicherheit deines Kontos kommen weiterhin. Ändern kannst du das im Profil.",
    },
}
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
)


def question(found: dict[str, str]) -> Response:
    """Whether the owner of the link means it; ``found`` has the preference and the owner's locale."""
    return _page("question", found)


def answer(found: dict[str, str]) -> Response:
    """That it is done."""
    return _page("answer", found)


def _page(kind: str, found: dict[str, str]) -> Response:
    language = language_of(found["locale"])
    words = _WORDS[language]
    title, text, button = words[kind]
    html = _ENVIRONMENT.get_template("unsubscribe.html").render(
        language=language, style=_STYLE, title=title, text=text.format(words[found["preference"]]),
        button=button, note=words["note"],
    )  # fmt: skip
    headers = {"Content-Security-Policy": _POLICY}
    return Response(html, headers=headers, content_type="text/html; charset=utf-8")
