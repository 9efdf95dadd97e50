"""The page behind an unsubscribe link: in its reader's language, and able to do one thing only."""

import hashlib
import re
from base64 import b64encode

import pytest

from common.locales import LANGUAGES
from common.mail_kinds import PREFERENCES
from gateway import unsubscribe_page


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("preference", PREFERENCES)
def test_the_question_posts_to_its_own_address_and_the_answer_asks_nothing(
    preference: str, locale: str
) -> None:
    found = {"preference": preference, "locale": locale}
    question, answer = unsubscribe_page.question(found).get_data(as_text=True), unsubscribe_page.answer(found)
    assert f'<html lang="{locale}">' in question
    assert '<form method="post">' in question
    assert 'name="List-Unsubscribe" value="One-Click"' in question
    assert "<form" not in answer.get_data(as_text=True)
    assert "{}" not in question
    assert answer.mimetype == "text/html"


def test_the_page_is_in_the_readers_language_or_else_in_english() -> None:
    pages = {
        locale: unsubscribe_page.question({"preference": "todo_mails", "locale": locale}).get_data(
            as_text=True
        )
        for locale in ("de-AT", "fr", "en")
    }
    assert "keine E-Mails zu deinen Aufgaben mehr" in pages["de-AT"]
    assert pages["fr"] == pages["en"]
    assert "no more mails about your todos" in pages["en"]


def test_the_policy_of_the_page_allows_its_own_style_and_form_and_nothing_else() -> None:
    response = unsubscribe_page.question({"preference": "todo_mails", "locale": "en"})
    policy, html = response.headers["Content-Security-Policy"], response.get_data(as_text=True)
    style = re.search(r"<style>(.*)</style>", html, re.S)[1]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "<script" not in html
