"""The head of a request: its fields as they were written, and which targets are text."""

import io

import pytest

from common.framing import Head, Incomplete, Malformed, is_text, read_fields


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (b"Host: x\r\nA:b\r\n\r\nGET", [("Host", "x"), ("A", "b")]),
        (b"A: \t b c \t\r\nA:\r\n\r\n", [("A", "b c"), ("A", "")]),
        (b"A: b\n\nB: c\r\n\r\n", [("A", "b")]),
        (b"A: \xe9\x7f:\r\n\r\n", [("A", "\xe9\x7f:")]),
        (b"\r\n", []),
    ],
)
def test_fields_are_read_to_the_empty_line_and_kept_as_they_came(
    lines: bytes, fields: list[tuple[str, str]]
) -> None:
    head = Head(io.BytesIO(lines))

    assert read_fields(head) == fields
    assert lines.startswith(head.raw)
    assert head.raw.endswith(b"\n")


@pytest.mark.parametrize(
    "line", [b"A : b", b" A: b", b"A", b": b", b"A: b\rc", b"A: b\0", b"A: b\r\n c", b"A\xe9: b", b"(A): b"]
)
def test_what_is_no_field_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_fields(Head(io.BytesIO(line + b"\r\n\r\n")))


@pytest.mark.parametrize("lines", [b"", b"A: b", b"A: b\r\n"])
def test_a_head_without_its_end_is_incomplete(lines: bytes) -> None:
    with pytest.raises(Incomplete):
        read_fields(Head(io.BytesIO(lines)))


@pytest.mark.parametrize(
    "target", ["/", "/a%20b?q=%C3%A9", "/?q=\xc3\xa9", "/?q=%F0%9F%98%80", "/%00", "/?q=100%", "/?q=%zz", "*"]
)
def test_a_target_of_utf_8_is_text_escaped_or_not(target: str) -> None:
    assert is_text(target)


@pytest.mark.parametrize(
    "target",
    [
        "/?q=%ff",
        "/?%FF=1",
        "/api/todos/%e4%b8",
        "/?q=\xe9",
        "/%C3?%A9",
        "/?q=%C3%28",
        "/?q=%ED%A0%80",
        "/%C0%AF",
    ],
)
def test_a_target_that_is_no_utf_8_is_none(target: str) -> None:
    assert not is_text(target)
