"""The body of a request, read without werkzeug's stream where its length is known."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from eventlet.wsgi import Input
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_input_stream

from common.errors import SuiteError
from common.exchange import CONNECTION
from common.request import Request

MOST = 10


class Broken(io.RawIOBase):
    """A connection that is lost after some bytes."""

    def __init__(self, sent: bytes) -> None:
        self._sent = io.BytesIO(sent)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._sent.readinto(buffer)
        if not read:
            raise ConnectionResetError
        return read


def request(sent: Any, length: int | None, **environ: Any) -> Request:
    told = {} if length is None else {"CONTENT_LENGTH": str(length)}
    stream = Input(io.BufferedReader(sent), told.get("CONTENT_LENGTH", "0"), None)
    made = Request({
        "REQUEST_METHOD": "POST", "wsgi.input": stream, CONNECTION: SimpleNamespace(is_late=False),
        **told, **environ,
    })  # fmt: skip
    made.limit(MOST)
    return made


def outcome(read: Any) -> Any:
    try:
        return read()
    except HTTPException as refusal:
        return type(refusal)


@pytest.mark.parametrize("kind", [io.BytesIO, Broken])
@pytest.mark.parametrize("length", [None, 0, 1, MOST - 1, MOST, MOST + 1, MOST + 2])
@pytest.mark.parametrize("sent", [b"", b"1", b"x" * (MOST - 1), b"x" * MOST, b"x" * (MOST + 5)])
def test_a_body_is_what_werkzeug_reads(kind: Any, length: int | None, sent: bytes) -> None:
    by_werkzeug, ours = request(kind(sent), length), request(kind(sent), length)

    def read() -> bytes:
        return get_input_stream(by_werkzeug.environ, max_content_length=MOST + 1).read()

    assert outcome(ours._read_whole) == outcome(read)
    assert ours.environ["wsgi.input"].position == by_werkzeug.environ["wsgi.input"].position


@pytest.mark.parametrize(
    ("headers", "is_read"),
    [
        ({}, True), ({"CONTENT_TYPE": "Application/JSON; charset=UTF-8"}, True),
        ({"CONTENT_TYPE": "application/json;charset=latin-1"}, False),
        ({"CONTENT_TYPE": "application/merge-patch+json"}, False),
        ({"CONTENT_TYPE": "application/merge-patch+json", "REQUEST_METHOD": "PATCH"}, True),
        ({"CONTENT_TYPE": "text/plain"}, False), ({"HTTP_CONTENT_ENCODING": " Identity "}, True),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, False), ({"HTTP_CONTENT_ENCODING": ""}, False),
    ],
)  # fmt: skip
def test_only_json_that_is_not_packed_is_read(headers: dict[str, str], is_read: bool) -> None:
    sent = request(io.BytesIO(b"[1]"), 3, **{"CONTENT_TYPE": "application/json", **headers})
    if is_read:
        assert sent.payload == [1]
        return
    with pytest.raises((HTTPException, SuiteError)) as refusal:
        _ = sent.payload
    assert getattr(refusal.value, "code", None) == 415


@pytest.mark.parametrize(
    ("accept", "json", "text"),
    [
        ("application/json; charset=utf-8", 1, 0), ("application/json;version=1;q=0.5", 0.5, 0),
        ('text/plain; a="b,c", application/json; charset="utf-8"; q=0', 0, 1),
        ("application/json;q=0, */*;q=0.1", 0, 0.1), ("text/html; level=1", 0, 0),
    ],
)  # fmt: skip
def test_only_its_quality_weighs_a_type_that_the_client_takes(accept: str, json: float, text: float) -> None:
    accepted = request(io.BytesIO(), 0, HTTP_ACCEPT=accept).accept_mimetypes
    assert (accepted["application/json"], accepted["text/plain"]) == (json, text)
