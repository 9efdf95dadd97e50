"""The web app in a real browser, used by people who only read and click."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.engines.mailcatcher import MailCatcher
from tests.collector import Collector
from tests.e2e.browser import PROGRAMS, Tab, browsing
from tests.e2e.client import PASSWORD, Client, new_email
from tests.e2e.test_second_factor import switched_on
from tests.suite import ADMIN, Suite

HOSTILE = '<img src=x onerror="document.title=1">'
HAS_BROWSER = any(map(shutil.which, PROGRAMS))
# ops/install.sh brings Debian's, which is missed if it is not there; Ubuntu packages none.
HAS_PACKAGE = "ID=debian" in Path("/etc/os-release").read_text().splitlines()
pytestmark = pytest.mark.skipif(not (HAS_BROWSER or HAS_PACKAGE), reason="this system packages no browser")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Tab]:
    with browsing(tmp_path) as tab:
        yield tab


@pytest.fixture
def home(suite: Suite) -> str:
    """The app's address as the mails have it: another name would be another origin, with no session."""
    return f"http://localhost:{suite.ports['gateway']}/"


def log_in(browser: Tab, home: str, email: str, password: str) -> None:
    browser.open(home)
    browser.write("E-mail address", email)
    browser.write("Password", password)
    browser.click("Log in")


def register_with_a_todo(browser: Tab, email: str, title: str) -> None:
    """From the page that asks who it is."""
    browser.click("Create an account")
    browser.write("Name", "Ada")
    browser.write("E-mail address", email)
    browser.write("Password", PASSWORD)
    browser.click("Create my account")
    browser.sees("Nothing to do")
    browser.write("New todo", title)
    browser.click("Add")
    browser.sees(title)


def link_of(mail: dict, path: str) -> str:
    found = re.search(rf"http\S+{path}\?token=\S+", mail["text"])
    assert found
    return found[0]


def test_a_click_begins_one_trace_that_reaches_the_mail_server(
    browser: Tab, home: str, collector: Collector, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    email, earlier = new_email(), {one.trace_id for one in collector.spans}
    browser.open(home)
    browser.run("document.querySelector('meta[name=traces]').content = '1'")
    register_with_a_todo(browser, email, "Trace me")

    def traces_of(request: str) -> list[set[str]]:
        found = {one.trace_id for one in collector.spans if one.name == request} - earlier
        return [{one.name for one in collector.of(trace)} for trace in found]

    def register_and_look(names: set[str]) -> bool:
        return {"POST /api/auth/login", "GET /api/todos"} <= names and "POST /api/todos" not in names

    eventually(lambda: any(map(register_and_look, traces_of("POST /api/auth/register"))))
    eventually(lambda: any("smtp send" in names for names in traces_of("POST /api/todos")))


def test_somebody_registers_does_a_todo_and_confirms_the_address(
    browser: Tab, home: str, mailcatcher: MailCatcher
) -> None:
    email = new_email()
    browser.open(home)
    register_with_a_todo(browser, email, HOSTILE)
    browser.click("Done: ")
    browser.sees("Done just now")
    browser.run("location.reload()")
    browser.sees("Done just now")

    welcome = mailcatcher.wait_for_mail(email, "Welcome, Ada")
    assert HOSTILE in mailcatcher.wait_for_mail(email, "Completed")["text"]

    browser.open(link_of(welcome, "/verify-email"))
    browser.click("Confirm my address")
    browser.sees("your address is confirmed")
    assert "token" not in browser.run("location.href")
    browser.click("Profile")
    browser.sees("Your e-mail address is confirmed")
    assert browser.problems == []


def test_somebody_who_has_forgotten_the_password_chooses_a_new_one(
    browser: Tab, home: str, anyone: Client, mailcatcher: MailCatcher
) -> None:
    email = anyone.register("Grace").user["email"]
    browser.open(f"{home}#/todos")
    browser.click("Forgotten your password?")
    browser.sees("We send you a link")
    browser.write("E-mail address", email)
    browser.click("Send me a link")
    browser.sees("a mail with a link is on its way")

    browser.open(link_of(mailcatcher.wait_for_mail(email, "password"), "/reset-password"))
    browser.write("New password", "short")
    browser.click("Set this password")
    browser.sees("Use 8 to 128 characters")
    browser.write("New password", " but longer now")
    browser.click("Set this password")
    browser.sees("Your new password is set")
    browser.sees("Create an account")
    browser.write("E-mail address", email)
    browser.write("Password", "short but longer now")
    browser.click("Log in")

    browser.sees("Nothing to do")


def test_another_address_is_shown_until_it_is_confirmed_or_taken_back(
    browser: Tab, home: str, ada: Client, mailcatcher: MailCatcher
) -> None:
    first, second = new_email(), new_email()
    ada.patch("/api/users/me", {"email": first})
    log_in(browser, home, ada.user["email"], PASSWORD)
    browser.click("Profile")
    browser.sees(f"{first} is your address once it is confirmed")
    browser.click("Save")
    browser.sees("Saved.")
    assert ada.get("/api/users/me").json()["pending_email"] == first
    browser.click("Keep the present one")
    browser.until(f"!document.body.innerText.includes('{first}')")

    ada.patch("/api/users/me", {"email": second})
    browser.open(link_of(mailcatcher.wait_for_mail(second, "Confirm"), "/verify-email"))
    browser.click("Confirm my address")
    browser.sees("your address is confirmed")
    browser.click("Profile")
    browser.until(f"document.querySelector('[name=email]').value === '{second}'")
    assert browser.problems == []


def test_somebody_with_a_second_factor_logs_in_with_a_code(browser: Tab, home: str, ada: Client) -> None:
    phone, _ = switched_on(ada)
    log_in(browser, home, ada.user["email"], PASSWORD)
    browser.sees("One step more")
    browser.write("Code", phone.code())
    browser.click("Confirm")
    browser.sees("Nothing to do")


def test_an_administrator_sees_how_everything_is_and_how_mails_read(
    browser: Tab, home: str, anyone: Client
) -> None:
    anyone.register("Somebody Else")
    log_in(browser, home, ADMIN["email"], ADMIN["password"])
    browser.click("Admin")
    browser.sees("answers in")
    browser.click("Users")
    browser.sees("Somebody Else")
    browser.click("Templates")
    browser.until("document.querySelector('iframe').contentDocument?.body.innerText.includes('is ready')")

    styled = "getComputedStyle(document.querySelector('iframe').contentDocument.querySelector('h1')).fontSize"
    assert browser.run(styled) == "24px"
    assert browser.problems == []


def test_a_new_tab_takes_part_in_the_session_and_a_logout_ends_it_in_both(
    browser: Tab, home: str, anyone: Client
) -> None:
    log_in(browser, home, anyone.register("Ada").user["email"], PASSWORD)
    browser.sees("Nothing to do")
    other = browser.another()
    other.open(home)
    other.sees("Nothing to do")
    other.click("Log out")

    browser.sees("You have logged out in another tab")
    assert browser.run("sessionStorage.length") == 0


def test_a_token_that_is_refused_is_replaced_once_and_an_ended_session_leads_to_the_login(
    browser: Tab, home: str, anyone: Client
) -> None:
    ada = anyone.register("Ada").login()
    log_in(browser, home, ada.user["email"], PASSWORD)
    browser.sees("Nothing to do")
    browser.open(f"{home}docs")
    browser.run("sessionStorage.setItem('access_token', 'no token')")
    browser.open(home)
    browser.sees("Nothing to do")
    calls = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/auth/refresh'))"
    assert browser.run(f"{calls}.length") == 1

    assert ada.post("/api/auth/logout-all").status_code == 204
    browser.click("Profile")
    browser.sees("Your session has ended. Please log in again.")
    assert browser.run("document.querySelectorAll('.notice').length") == 1
    browser.write("E-mail address", ada.user["email"])
    browser.write("Password", PASSWORD)
    browser.click("Log in")
    browser.sees("Where you are logged in")


def test_a_todo_that_was_changed_elsewhere_is_not_overwritten(
    browser: Tab, home: str, anyone: Client
) -> None:
    ada = anyone.register("Ada").login()
    todo = ada.todo(title="Buy milk")
    log_in(browser, home, ada.user["email"], PASSWORD)
    browser.click("Edit: Buy milk")
    browser.sees("Edit todo")
    ada.patch(f"/api/todos/{todo['id']}", {"title": "Buy oat milk"})
    browser.write("Notes", "two litres")
    browser.click("Save")
    browser.sees("This todo was changed elsewhere")

    browser.sees("Buy oat milk")
    assert ada.get(f"/api/todos/{todo['id']}").json()["description"] is None
