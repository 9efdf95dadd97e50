"""The documents and the page that shows them, as a browser and a program get them."""

import re

import pytest

from tests.e2e.client import Client


@pytest.mark.parametrize(("path", "kind"), [("/openapi.json", "openapi"), ("/asyncapi.json", "asyncapi")])
def test_a_document_is_json_and_is_not_sent_again_to_who_has_it(anyone: Client, path: str, kind: str) -> None:
    found = anyone.get(path)
    again = anyone.get(path, headers={"If-None-Match": found.headers["ETag"]})

    assert found.headers["Content-Type"] == "application/json"
    assert found.json()[kind].startswith("3.")
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
def test_each_encoding_of_a_file_has_its_own_tag(anyone: Client, path: str) -> None:
    plain = anyone.get(path, headers={"Accept-Encoding": "identity"})
    packed = anyone.get(path, headers={"Accept-Encoding": "gzip"})
    known = {"If-None-Match": packed.headers["ETag"]}
    again = anyone.get(path, headers={"Accept-Encoding": "gzip", **known})
    other = anyone.get(path, headers={"Accept-Encoding": "identity", **known})

    assert plain.content == packed.content  # the client has undone it
    assert ("Content-Encoding" in plain.headers, packed.headers["Content-Encoding"]) == (False, "gzip")
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 2
    assert all("Accept-Encoding" in one.headers["Vary"] for one in (plain, packed, again, other))
    assert plain.headers["ETag"] != packed.headers["ETag"] == again.headers["ETag"]
    assert (again.status_code, other.status_code) == (304, 200)


def test_the_page_loads_only_what_this_address_serves(anyone: Client) -> None:
    page = anyone.get("/docs")
    loaded = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', page.text)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(loaded) == 4
    assert all(anyone.get(path).status_code == 200 for path in loaded)
    assert re.search(r"<script(?![^>]*src=)", page.text) is None


def test_the_pages_policy_lets_swagger_ui_work_and_nothing_else(anyone: Client) -> None:
    policy = anyone.get("/docs").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("initializer.js", "text/javascript; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ],
)
def test_an_asset_has_its_type_and_may_be_kept(anyone: Client, name: str, kind: str) -> None:
    answer = anyone.get(f"/docs/{name}")

    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert len(answer.content) > 100


@pytest.mark.parametrize("name", ["index.html", "..%2fservice.py", "%2e%2e%2f%2e%2e%2fconfig.yml", "nothing"])
def test_there_is_no_other_file(anyone: Client, name: str) -> None:
    assert anyone.get(f"/docs/{name}").status_code == 404


def test_the_index_names_the_documents(anyone: Client) -> None:
    links = anyone.get("/", headers={"Accept": "application/json"}).json()["links"]

    assert anyone.get(links["openapi"].removeprefix(anyone.base_url)).status_code == 200
    assert anyone.get(links["docs"].removeprefix(anyone.base_url)).status_code == 200


def test_the_public_keys_are_where_others_look_for_them_and_a_secret_is_none(anyone: Client) -> None:
    answer = anyone.get("/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (200, {"keys": []})
