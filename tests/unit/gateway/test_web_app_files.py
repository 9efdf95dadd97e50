"""The files of the web app: whole, of this address only, and in line with the services' words."""

import posixpath
import re
from pathlib import Path

import pytest

from common.locales import LANGUAGES
from common.mail_kinds import PREFERENCES, TEMPLATES
from gateway.routes.web import WebRoutes
from gateway.web_app import FILES, page_for
from ops.openapi.routes import all_routes
from services.messaging import domain as messaging
from services.notifications.emails import render
from services.todos import domain as todos

WEB = Path(__file__).resolve().parents[3] / "gateway" / "web"
INDEX = (WEB / "index.html").read_text(encoding="utf-8")
TEXTS = {name: content.decode() for name, content in FILES.items()}
SCRIPTS = {name: text for name, text in TEXTS.items() if name.endswith(".js")}
NAMESPACE = "http://www.w3.org/2000/svg"
LONGEST_FILE = 300
IMPORT = re.compile(
    r'(?:from|import) "(\.[^"]+)"|import\("(\.[^"]+)"\)|new URL\("(\.[^"]+)"|url\("([^"]+)"\)'
)
PARSES_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
)


def needs(name: str) -> set[str]:
    """The files that one names, by their own names."""
    text = TEXTS[name]
    found = {"".join(groups) for groups in IMPORT.findall(text)}
    if name == "core/pages.js":  # which names the panel's parts in one line
        found |= {f"../admin/{part}.js" for part in re.findall(r'admin\("[^"]+", "([^"]+)"\)', text)}
        found.discard("../admin/")
    return {posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in found}


def words(name: str, constant: str) -> list[str]:
    """The strings of a list in a script."""
    found = re.search(rf"const {constant} = \[(.*?)\];", SCRIPTS[name], re.DOTALL)
    assert found, f"{constant} is not in {name}"
    return re.findall(r'"([^"]+)"', found[1])


def test_every_file_that_is_named_is_served_and_every_file_that_is_served_is_named() -> None:
    named = set(re.findall(r"\{\{ version \}\}/([^\"]+)", INDEX))
    known: set[str] = set()
    while named - known:
        name = sorted(named - known)[0]
        assert name in FILES, f"{name} is not there"
        known.add(name)
        named |= needs(name)

    assert known == set(FILES)


@pytest.mark.parametrize("name", ["index.html", *TEXTS])
def test_no_file_names_another_address(name: str) -> None:
    text = (INDEX if name == "index.html" else TEXTS[name]).replace(NAMESPACE, "")

    assert not re.search(r"https?://|wss?://|[\"'(]//", text)


@pytest.mark.parametrize("text", [INDEX, TEXTS["frame/mail.html"]])
def test_a_page_has_no_script_and_no_style_inside(text: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_markup_or_code_of_text(name: str) -> None:
    assert not PARSES_MARKUP.search(SCRIPTS[name])


@pytest.mark.parametrize("name", TEXTS)
def test_no_file_is_longer_than_three_hundred_lines(name: str) -> None:
    assert len(TEXTS[name].splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_says_at_its_top_what_it_is(name: str) -> None:
    assert SCRIPTS[name].startswith("// ")


def test_the_app_knows_the_services_words() -> None:
    assert words("admin/kinds.js", "TEMPLATES") == [*TEMPLATES]
    assert words("admin/kinds.js", "STATUSES") == [*messaging.STATUSES]
    assert words("pages/todo-fields.js", "STATUSES") == [*todos.STATUSES]
    assert words("pages/todo-fields.js", "PRIORITIES") == [*todos.PRIORITIES]
    assert {one for one in words("pages/profile.js", "MAILS") if one.endswith("_mails")} == {*PREFERENCES}
    languages = re.search(r"LANGUAGES = \{(.*?)\}", SCRIPTS["pages/profile.js"])
    assert languages and re.findall(r"(\w+):", languages[1]) == [*LANGUAGES]


@pytest.mark.parametrize(
    ("template", "context", "path"),
    [
        ("welcome", {"name": "A", "email": "a@b.example", "verification_token": "t"}, "/verify-email"),
        ("password_reset", {"name": "A", "reset_token": "t", "expires_in": "1 hour"}, "/reset-password"),
    ],
)
def test_the_link_of_a_mail_leads_to_a_page_of_the_app(template: str, context: dict, path: str) -> None:
    mail = render(template, context, public_url="http://suite.example")
    routes = {route.path for route in all_routes() if hasattr(WebRoutes, route.name)}

    assert f"http://suite.example{path}?token=t" in mail.text
    assert path in routes
    assert f'"{path}"' in SCRIPTS["core/router.js"] and f'"{path}"' in SCRIPTS["core/pages.js"]


@pytest.mark.parametrize(
    ("endpoint", "share", "told"),
    [("", 1, "0"), ("http://collector:4318", 1, "1"), ("http://collector:4318", "0.05", "0.05")],
)
def test_the_page_is_told_how_many_of_its_traces_are_recorded(
    endpoint: str, share: object, told: str
) -> None:
    page = page_for({"endpoint": endpoint, "share": share}).decode()

    assert f'<meta name="traces" content="{told}">' in page
    assert "{{" not in page
