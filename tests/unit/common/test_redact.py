"""What the log never shows, however deep it lies."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.redact import MASK, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
BCRYPT = "$2b$12$abcdefghijklmnopqrstuv0123456789ABCDEFGHIJKLMNOPQRS"


@pytest.mark.parametrize(
    "key",
    [
        "password", "new_password", "PASSWORD", "db-password", "token", "refresh_token", "access_token",
        "verification_token", "reset_token", "JWT_SECRET", "Authorization", "cookie", "set-cookie", "cookies",
        "password_hash", "refresh_hash", "api_key", "X-Api-Key", "apikey", "private_key", "secret_key",
        "tokens", "passwords", "secrets", "refreshToken", "newPassword", "EMAIL_PASS",
    ],
)  # fmt: skip
def test_a_secret_is_known_by_its_key(key: str) -> None:
    assert redact({key: "sesame"}) == {key: MASK}


@pytest.mark.parametrize(
    "key", ["token_type", "name", "compass", "password_policy", "tokenizer", "hashtag", "expires_in", "path"]
)
def test_what_only_looks_like_a_secret_is_shown(key: str) -> None:
    assert redact({key: "sesame"}) == {key: "sesame"}


def test_an_empty_secret_is_shown_as_empty() -> None:
    assert redact({"password": "", "token": None}) == {"password": "", "token": None}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Authorization: Bearer {JWT}", f"Authorization: Bearer {MASK}"),
        ("bearer abc.def", f"bearer {MASK}"),
        (f"the token {JWT} is bad", f"the token {MASK} is bad"),
        (f"stored {BCRYPT}.", f"stored {MASK}"),
        ("amqp://guest:s3cret@broker:5672/", f"amqp://guest:{MASK}@broker:5672/"),
        ("redis://:s3cret@cache", f"redis://:{MASK}@cache"),
        ("postgresql+psycopg2://u:p%40ss@db/x", f"postgresql+psycopg2://u:{MASK}@db/x"),
        ("http://x/verify-email?token=abc-_1&y=2", f"http://x/verify-email?token={MASK}&y=2"),
        ("a://u:one@h and b://u:two@h", f"a://u:{MASK}@h and b://u:{MASK}@h"),
    ],
)
def test_a_secret_inside_a_text_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"reset_token": "2ZBk-_x", "n": 1}', f'{{"reset_token": "{MASK}", "n": 1}}'),
        ('{"resetToken":"2ZBk"}', f'{{"resetToken":"{MASK}"}}'),
        ('{ "password" : "a b\\" c" , "n": 1}', f'{{ "password" : "{MASK}" , "n": 1}}'),
        ('{"context.reset_token": "2ZBk"}', f'{{"context.reset_token": "{MASK}"}}'),
        ("{'db_password': 'sesame', 'n': 1}", f"{{'db_password': '{MASK}', 'n': 1}}"),
        ("{'token': b'sesame'}", f"{{'token': '{MASK}'}}"),
        ('{"pass": 1234, "n": 1}', f'{{"pass": "{MASK}", "n": 1}}'),
        ('{"tokens": ["a", ["b"]], "n": [1]}', f'{{"tokens": "{MASK}", "n": [1]}}'),
        (
            '{"token_hash": {"$binary": {"base64": "YQ==", "subType": "00"}}, "n": 1}',
            f'{{"token_hash": "{MASK}", "n": 1}}',
        ),
        ('{"secret": {"a": {"b": {"c": "sesame"}}}}', f'{{"secret": "{MASK}"'),
        ('{"code": "123456"}', f'{{"code": "{MASK}"}}'),
        ('{"recovery_codes": ["k7-m2", "x9"]}', f'{{"recovery_codes": "{MASK}"}}'),
        ('{"n": 1, "verification_token": "2ZBk of more', f'{{"n": 1, "verification_token": "{MASK}"'),
        (
            "[parameters: {'password_hash': 'x', 'id': 1}]",
            f"[parameters: {{'password_hash': '{MASK}', 'id': 1}}]",
        ),
    ],
)
def test_a_secret_is_masked_in_json_inside_a_text(text: str, shown: str) -> None:
    assert redact(text).startswith(shown)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_json_that_was_quoted_again_hides_no_secret(times: int) -> None:
    value: object = {"context": {"name": 'Ada "A" L', "reset_token": 'se"same', "todo": "milk"}}
    for _ in range(times):
        value = {"command": json.dumps(value), "n": 1}
    shown = redact({"line": json.dumps(value)})["line"]
    assert "same" not in shown
    found = json.loads(shown)
    while "command" in found:
        found = json.loads(found["command"])
    assert found == {"context": {"name": 'Ada "A" L', "reset_token": MASK, "todo": "milk"}}


def test_a_line_of_mongodb_s_driver_shows_no_secret() -> None:
    """As pymongo 4 wrote it at DEBUG: the command is JSON inside of JSON, and may be cut off."""
    line = (
        r'{"message": "Command started", "commandName": "insert", "command": "{\"insert\": '
        r"\"messages\", \"lsid\": {\"id\": {\"$binary\": {\"base64\": \"ddjfs2BxTjaFmLA8NM1DQw==\", "
        r"\"subType\": \"04\"}}}, \"documents\": [{\"_id\": \"m-1\", \"context\": {\"name\": "
        r"\"Ada \\\"A\\\" L\", \"reset_token\": \"2ZBkSECRETq_-x\", \"tokens\": [\"SECRET1\"]}}, "
        r"{\"verification_token\": \"SECRET2"
    )
    for written in (line, json.dumps({"event": line}), repr(line)):
        shown = redact(written)
        assert "SECRET" not in shown
        assert shown.count(MASK) == 3
        assert "messages" in shown
        assert "ddjfs2BxTjaFmLA8NM1DQw==" in shown


@pytest.mark.parametrize(
    "text",
    [
        '{"code": "not_found", "status": "pass"}', '{"code": 11000, "codeName": "DuplicateKey"}',
        '{"bypass": "y", "token_version": 3, "hashtag": "#x"}', '{"password": "", "token": null}',
        "{'token': None, 'n': 1}", '"a": "b", \'c\': 1',
    ],
)  # fmt: skip
def test_json_without_a_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text", ["http://localhost:3000/x@y", "at 12:30 a@b.c", "eyJ", "user@example.com:25"]
)
def test_a_harmless_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


@given(st.lists(st.sampled_from(["list", "tuple", "dict"]), max_size=30))
def test_no_depth_hides_a_secret(shape: list[str]) -> None:
    value: object = {"password": "sesame", "note": f"Bearer {JWT}"}
    for kind in shape:
        value = {"inner": value} if kind == "dict" else [value] if kind == "list" else (value,)
    shown = repr(redact(value))
    assert "sesame" not in shown
    assert JWT not in shown


def test_what_is_given_is_not_changed() -> None:
    given = {"a": [{"password": "sesame"}]}
    redact(given)
    assert given == {"a": [{"password": "sesame"}]}


def test_other_values_stay_what_they_are() -> None:
    assert redact({"n": 1, "ok": True, "none": None, 5: "x"}) == {"n": 1, "ok": True, "none": None, 5: "x"}


def test_an_error_is_shown_without_the_secret_in_its_text() -> None:
    assert JWT not in str(redact({"error": ValueError(f"Bearer {JWT}")}))
    assert JWT not in str(redact({"raw": f"Bearer {JWT}".encode()}))


HOSTILE = [
    "x", "eyJ", "a://", "bearer ", "?token=", "$2b$12$", "eyJaaaaa.", "a:b@", "\\", '"token":', '"token": "',
    '"token": {', '"token": [', '"token": {}{', '"token": [[]', '"token": \\', "'a_", '":"a_', '"code":"x"',
    '"token": \\\\"', '"a":"""',
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_text_costs_no_more_than_its_length(part: str) -> None:
    text = part * (100_000 // len(part))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 1
