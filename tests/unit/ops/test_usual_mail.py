"""A mail in the usual form, in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.mailcatcher.usual import UsualMail

COMMANDS = b"MAIL FROM:<x@example.com> SIZE=7\r\nRCPT TO:<anna@example.com>\r\nDATA\r\n"
LIMIT = 1000


def begun() -> UsualMail:
    mail = UsualMail.begun_by(COMMANDS)
    assert mail is not None
    return mail


def test_sender_and_recipient_are_read() -> None:
    mail = begun()
    assert (mail.sender, mail.recipient) == ("x@example.com", "anna@example.com")


@pytest.mark.parametrize(
    "commands",
    [
        COMMANDS[:-2],
        COMMANDS + b"x",
        COMMANDS.replace(b"SIZE=7", b"SMTPUTF8"),
        COMMANDS.replace(b"anna", "änna".encode()),
        COMMANDS.replace(b"RCPT", b"RCPT TO:<bob@example.com>\r\nRCPT"),
        COMMANDS.replace(b"<x@example.com>", b"<>"),
    ],
)
def test_any_other_form_is_left_to_the_library(commands: bytes) -> None:
    assert UsualMail.begun_by(commands) is None


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"\r", b"\n", b"a.b"])), st.integers(1, 7))
def test_a_text_is_what_was_sent_wherever_it_was_cut(lines: list[bytes], step: int) -> None:
    text = b"".join(line + b"\r\n" for line in lines)
    doubled = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    sent, mail = doubled + b".\r\n", begun()
    pieces = [sent[place : place + step] for place in range(0, len(sent), step)]
    assert [mail.add(piece, LIMIT) for piece in pieces] == [None] * (len(pieces) - 1) + [b""]
    assert mail.text == text


def test_what_follows_the_end_is_given_back() -> None:
    mail = begun()
    assert mail.add(b"one\r\n.\r\nQUIT\r\n", LIMIT) == b"QUIT\r\n"
    assert mail.text == b"one\r\n"


def test_too_long_a_text_is_read_to_its_end_and_not_kept() -> None:
    mail = begun()
    for _ in range(LIMIT):
        assert mail.add(b"many\r\n", LIMIT) is None
    assert len(mail._text) < LIMIT
    assert mail.add(b"\r\n.\r\n", LIMIT) == b""
    assert mail.text is None
