"""What is compressed: what GET reads, if it is long, for who asks for it. Never what carries tokens."""

import gzip
import json

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from common.compression import SMALLEST_BYTES, compress, pack

LONG = json.dumps([{"title": f"Todo {number}"} for number in range(200)]).encode()


def answer(
    accepted: str | None = "gzip",
    method: str = "GET",
    content: bytes = LONG,
    kind: str = "application/json",
    status: int = 200,
    **headers: str,
) -> Response:
    """An answer after it was looked at."""
    asked = {} if accepted is None else {"Accept-Encoding": accepted}
    request = Request(EnvironBuilder(method=method, headers=asked).get_environ())
    response = Response(content, status, headers, content_type=kind)
    compress(request, response)
    return response


@pytest.mark.parametrize("kind", ["application/json", "text/html; charset=utf-8", "text/plain"])
def test_a_long_text_comes_compressed(kind: str) -> None:
    found = answer(kind=kind)

    assert found.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(found.get_data()) == LONG
    assert int(found.headers["Content-Length"]) == len(found.get_data()) < len(LONG) / 4


def test_head_has_the_headers_that_get_has() -> None:
    assert list(answer(method="HEAD").headers) == list(answer().headers)


@pytest.mark.parametrize(
    "accepted",
    ["gzip", "*", "br, gzip", "deflate, gzip;q=0.5", "GZIP", "gzip;q=1.0, identity; q=0.5, *;q=0"],
)
def test_who_accepts_it_gets_it(accepted: str) -> None:
    assert "Content-Encoding" in answer(accepted).headers


@pytest.mark.parametrize(
    "accepted", [None, "", "identity", "br", "gzip;q=0", "gzip;q=0.1, identity", "*;q=0", "gzip;q=nonsense"]
)
def test_who_does_not_gets_the_answer_as_it_is_and_caches_know_why(accepted: str | None) -> None:
    found = answer(accepted)

    assert "Content-Encoding" not in found.headers
    assert found.get_data() == LONG
    assert found.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_may_carry_tokens_is_left_alone(method: str) -> None:
    assert answer(method=method).get_data() == LONG


def test_what_is_short_is_left_alone() -> None:
    assert "Vary" not in answer(content=LONG[: SMALLEST_BYTES - 1]).headers
    assert "Content-Encoding" in answer(content=LONG[:SMALLEST_BYTES]).headers


def test_images_errors_and_what_has_a_tag_are_left_alone() -> None:
    assert "Content-Encoding" not in answer(kind="image/png").headers
    assert "Content-Encoding" not in answer(status=404).headers
    assert "Content-Encoding" not in answer(ETag='"1"').headers


def test_other_reasons_to_vary_stay() -> None:
    assert answer(Vary="Origin").headers["Vary"] == "Origin, Accept-Encoding"


def test_the_same_content_becomes_the_same_bytes_at_any_time() -> None:
    assert pack(LONG)[4:8] == bytes(4)  # where gzip has the time
