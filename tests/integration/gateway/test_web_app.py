"""The web app as it is served: to whom, with which headers, and nothing beside it."""

import re

import pytest
import requests

from gateway.web_app import FILES, VERSION
from tests.e2e.client import Client
from tests.integration.gateway.test_edge import problem

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGES = ["/", "/verify-email?token=abc", "/reset-password?token=abc"]
HTML = "text/html; charset=utf-8"
JSON = "application/json"


def page(anyone: Client, path: str = "/", **headers: str) -> requests.Response:
    return anyone.get(path, headers={"Accept": BROWSER, **headers})


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (BROWSER, HTML),
        ("text/html", HTML),
        ("*/*", JSON),
        (JSON, JSON),
        ("application/json, text/html;q=0.5", JSON),
    ],
)
def test_a_browser_gets_the_app_and_everyone_else_the_index(anyone: Client, accept: str, kind: str) -> None:
    answer = anyone.get("/", headers={"Accept": accept})

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("path", PAGES)
def test_the_app_opens_where_it_is_at_home_and_where_mails_lead(anyone: Client, path: str) -> None:
    answer = page(anyone, path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, HTML)
    assert answer.content == page(anyone).content
    assert answer.headers["Cache-Control"] == "no-cache"


def test_the_page_is_not_sent_again_to_who_has_it(anyone: Client) -> None:
    again = page(anyone, **{"If-None-Match": page(anyone).headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_policy_allows_its_own_files_and_nothing_inline(anyone: Client, path: str) -> None:
    answer = page(anyone, path)
    policy = answer.headers["Content-Security-Policy"]

    assert {"default-src 'self'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe|http|\*", policy)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_all_that_the_page_names_is_there(anyone: Client) -> None:
    named = re.findall(r'(?:src|href)="(/app/[^"]+)"', page(anyone).text)

    assert len(named) > 5
    assert {anyone.get(path).status_code for path in named} == {200}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("core/main.js", "text/javascript; charset=utf-8"),
        ("look/base.css", "text/css; charset=utf-8"),
        ("look/icon.svg", "image/svg+xml"),
        ("frame/mail.html", HTML),
    ],
)
def test_a_file_has_its_type_and_may_be_kept_for_good(anyone: Client, name: str, kind: str) -> None:
    path = f"/app/{VERSION}/{name}"
    answer = anyone.get(path)
    again = anyone.get(path, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.content == FILES[name]
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert again.status_code == 304


def test_who_asks_for_the_files_of_another_version_may_not_keep_the_present_ones(anyone: Client) -> None:
    answer = anyone.get("/app/0123456789ab/core/main.js")

    assert answer.content == FILES["core/main.js"]
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "core/nothing.js", "nothing/main.js", "core/", "core", "index.html", "core/..%2findex.html",
        "core/%2e%2e%2f%2e%2e%2fservice.py", "..%2f..%2fconfig.yml", "../../config.yml",
        "look/icon.svg%00.js",
    ],
)  # fmt: skip
def test_there_is_no_other_file(anyone: Client, path: str) -> None:
    # Not by requests' own way, which would leave out the dots before it asks.
    call = requests.Request("GET", anyone.base_url).prepare()
    call.url = f"{anyone.base_url}/app/{VERSION}/{path}"

    problem(requests.Session().send(call, timeout=10), 404, "no_such_route")


def test_a_mail_is_framed_where_no_script_runs_and_by_the_app_only(anyone: Client) -> None:
    answer = anyone.get(f"/app/{VERSION}/frame/mail.html")
    policy = answer.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src" not in policy and "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
