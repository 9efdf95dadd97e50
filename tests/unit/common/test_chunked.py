"""Bodies in chunks: what is one, what is none, and what is left to the request after it."""

import io

import pytest

from common.chunked import BrokenBody, Chunked

NEXT = b"GET / HTTP/1.1\r\n"


def read(sent: bytes, size: int = 1000) -> bytes:
    """All of it, in pieces of that size at most."""
    body = Chunked(io.BytesIO(sent))
    return b"".join(iter(lambda: body.read(size), b""))


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "sent",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
        b"0005\r\nhello\r\n000\r\n\r\n",
        b'5;a;b=c ; d = "x\\"; y"\r\nhello\r\n0;last\r\n\r\n',
        b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More:\r\n\r\n",
    ],
)
def test_a_body_is_read_to_its_end_and_not_a_byte_further(sent: bytes, size: int) -> None:
    lines = io.BytesIO(sent + NEXT)
    body = Chunked(lines)

    assert b"".join(iter(lambda: body.read(size), b"")) == b"hello"
    assert body.is_over
    assert body.read(size) == b""
    assert lines.read() == NEXT


def test_a_size_has_letters_of_both_kinds() -> None:
    assert read(b"a\r\n" + b"x" * 10 + b"\r\nB\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n") == b"x" * 21


def test_a_body_without_data_is_empty() -> None:
    assert read(b"0\r\n\r\n") == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"0x5\r\nhello\r\n", b"+5\r\nhello\r\n", b"-1\r\n5\r\nhello\r\n", b"0_5\r\nhello\r\n",
        b" 5\r\nhello\r\n", b"5 \r\nhello\r\n", b"\x0b5\r\nhello\r\n", b"\xd9\xa5\r\nhello\r\n", b"zz\r\n",
        b"\r\n", b";a\r\n",
        b"5\nhello\r\n", b"5\r\r\nhello\r\n", b"5;a\nhello\r\n", b"5;a\rb\r\nhello\r\n", b"5;\r\nhello\r\n",
        b'5;a="b\r\nhello\r\n', b"5;a b\r\nhello\r\n", b"5\0\r\nhello\r\n", b"5\r\nhelloSPILL\r\n",
        b"5\r\nhello\n0\n\n", b"5\r\nhello\n\r", b"-0\r\n\r\n", b"0x0\r\n\r\n", b"0" * 17 + b"\r\n\r\n",
        b"0\r\nGET /admin HTTP/1.1\r\n\r\n", b"0\r\na: b\n\r\n", b"0\r\n\n", b"0\r\na : b\r\n\r\n",
        b"0\r\na: b\r\n c\r\n\r\n",
    ],
)  # fmt: skip
def test_what_another_server_may_read_differently_is_no_body(sent: bytes) -> None:
    with pytest.raises(BrokenBody):
        read(sent + b"0\r\n\r\n")


@pytest.mark.parametrize(
    "sent",
    [b"", b"5", b"5\r", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r", b"5\r\nhello\r\n",
     b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\na: b\r\n"],
)  # fmt: skip
def test_a_body_that_is_cut_off_is_not_taken_for_a_shorter_one(sent: bytes) -> None:
    with pytest.raises(ConnectionError):
        read(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"5;" + b"a" * 5000,
        b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
        (b"1;" + b"a" * 1000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n",
        b"0\r\na: " + b"b" * 9000 + b"\r\n\r\n",
        b"0\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"0\r\n" + (b"a: " + b"b" * 8000 + b"\r\n") * 10 + b"\r\n",
    ],
    ids=["line", "extension", "extensions", "trailer", "trailers", "bytes of trailers"],
)
def test_what_stands_between_data_has_an_end(sent: bytes) -> None:
    lines = io.BytesIO(sent)
    body = Chunked(lines)
    with pytest.raises(BrokenBody):
        body.read(1000)
    assert lines.tell() < 75_000


def test_what_follows_a_fault_is_no_body_any_more() -> None:
    body = Chunked(io.BytesIO(b"1\r\na\r\nzz\r\n1\r\nb\r\n0\r\n\r\n"))
    assert body.read(1) == b"a"
    for _ in range(3):
        with pytest.raises(BrokenBody):
            body.read(1)
    assert not body.is_over


def test_no_more_is_read_than_was_asked_for() -> None:
    lines = io.BytesIO(b"ffffffffffffffff\r\n" + b"a" * 1000)
    assert Chunked(lines).read(10) == b"a" * 10
    assert lines.tell() == 28


def test_who_waits_to_be_told_is_told_once_and_only_when_the_body_is_wanted() -> None:
    told = io.BytesIO()
    body = Chunked(io.BytesIO(b"2\r\nab\r\n0\r\n\r\n"), told)
    assert body.should_send_hundred_continue
    assert told.getvalue() == b""

    assert (body.read(1), body.read(9)) == (b"a", b"b")
    assert told.getvalue() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert not body.should_send_hundred_continue


def test_nobody_is_told_to_go_on_after_an_answer() -> None:
    told = io.BytesIO()
    body = Chunked(io.BytesIO(b"0\r\n\r\n"), told)
    body.headers_sent = True

    assert body.read(1) == b""
    assert told.getvalue() == b""
