"""An answer's bytes: complete, with a length that is right, and never more headers than were meant."""

import pytest
from werkzeug.wrappers import Response

from common.answers import Answer


def lines_of(answer: Answer, last: str = "", is_head: bool = False) -> tuple[list[str], bytes]:
    """The lines of the head, and the body."""
    head, _, body = answer.to_bytes(last, is_head).partition(b"\r\n\r\n")
    return head.decode("latin-1").split("\r\n"), body


def test_an_answer_says_what_it_is_how_long_and_of_when() -> None:
    lines, body = lines_of(Answer(201, {"ETag": '"1"'}, "ü".encode()), "Connection: close\r\n")

    assert lines[0] == "HTTP/1.1 201 Created"
    assert {'ETag: "1"', "Content-Length: 2"} <= set(lines)
    assert [line.endswith(" GMT") for line in lines if line.startswith("Date: ")] == [True]
    assert lines[-1] == "Connection: close"
    assert body == b"\xc3\xbc"


def test_head_is_told_the_length_of_what_it_does_not_get() -> None:
    lines, body = lines_of(Answer(200, {}, b"four"), is_head=True)

    assert "Content-Length: 4" in lines
    assert body == b""


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_have_no_body_and_no_length(status: int) -> None:
    lines, body = lines_of(Answer(status, {}, b"none"))

    assert not [line for line in lines if line.startswith("Content-Length")]
    assert body == b""


def test_an_empty_body_has_a_length_too() -> None:
    assert "Content-Length: 0" in lines_of(Answer(202, {}))[0]


def test_what_every_answer_carries_gives_way_to_what_this_one_says() -> None:
    answer = Answer(200, {"Cache-Control": "private"})
    answer.complete("id-1", {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}, {"RateLimit": "r"})
    lines = set(lines_of(answer)[0])

    assert {"Cache-Control: private", "X-Frame-Options: DENY", "RateLimit: r", "X-Request-ID: id-1"} <= lines
    assert "Cache-Control: no-store" not in lines


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "\r\n", "€"])
def test_a_header_that_would_be_read_as_two_or_not_at_all_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Answer(200, {"Location": value}).to_bytes("")


def test_a_response_of_werkzeugs_becomes_one() -> None:
    response = Response(
        "<p>ü</p>", 200, {"Cache-Control": "no-cache"}, content_type="text/html; charset=utf-8"
    )
    lines, body = lines_of(Answer.of(response, {}))

    assert {"Content-Type: text/html; charset=utf-8", "Cache-Control: no-cache"} <= set(lines)
    assert lines.count("Content-Length: 9") == 1
    assert body == "<p>ü</p>".encode()


def test_an_unchanged_page_has_no_headers_of_a_body() -> None:
    response = Response(status=304, headers={"ETag": '"x"', "Content-Type": "text/html"})

    assert Answer.of(response, {}).headers == {"ETag": '"x"'}
