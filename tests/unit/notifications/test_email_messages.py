"""The message around a mail: its headers, its parts, and addresses beyond ASCII."""

from email import message_from_bytes
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.failures import PermanentFailure
from services.notifications.emails import RenderedEmail, build_message
from services.notifications.smtp_session import Envelope

MAIL = RenderedEmail("Välkommen, Ada", "Hello Ada,\n.\n😀\n", "<!doctype html>\n<p>Hello Ädå</p>\n")
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
SHOWN = st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp", "Zs"], exclude_characters=TURNS)
WRITABLE = st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\n.= -")
WRITTEN = st.text(SHOWN | st.just(" "), max_size=150)


def built(mail: RenderedEmail = MAIL, **changes: Any) -> Envelope:
    usual = {
        "message_id": "0198f0aa-1",
        "sender": "Todos <no-reply@example.com>",
        "recipient": "ada@example.org",
    }
    return build_message(mail, **usual | changes)


def received(message: Envelope) -> Any:
    return message_from_bytes(message.payload, policy=SMTP)


def test_a_message_has_a_text_and_an_html_part_that_arrive_as_they_were_written() -> None:
    message = received(built())
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().replace("\r\n", "\n") == MAIL.html


def test_the_message_id_is_derived_from_the_message_and_the_senders_domain() -> None:
    first, again = received(built()), received(built())
    assert first["Message-ID"] == again["Message-ID"] == "<0198f0aa-1@example.com>"
    assert first["X-Message-Id"] == "0198f0aa-1"


def test_a_message_says_that_a_machine_wrote_it_and_when() -> None:
    message = received(built())
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None


def test_sender_and_recipient_are_one_address_each() -> None:
    message = received(built())
    assert message["From"] == "Todos <no-reply@example.com>"
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]


def test_a_plain_address_can_be_the_sender() -> None:
    assert received(built(sender="no-reply@localhost"))["Message-ID"] == "<0198f0aa-1@localhost>"


def test_a_senders_name_beyond_ascii_and_with_commas_arrives() -> None:
    message = built(sender='"Möller, Tödös" <no-reply@example.com>')
    assert received(message)["From"].addresses[0].display_name == "Möller, Tödös"
    assert message.payload.isascii()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(subject=WRITTEN)
def test_every_subject_arrives_as_it_was_written(subject: str) -> None:
    mail = RenderedEmail(subject, "text", "html")
    assert received(built(mail))["Subject"] == " ".join(subject.split())


def test_everything_on_the_wire_is_ascii_with_short_lines() -> None:
    wire = built(RenderedEmail("ä" * 140, "ö" * 5000, "<p>" + "ü" * 5000)).payload
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\n" not in wire.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "recipient",
    [
        "ada@example.org\r\nBcc: eve@example.com",
        "ada@example.org\n",
        "ada@example.org, eve@example.com",
        "ada@example.org>\r\nRCPT TO:<eve@example.com",
        "Ada <ada@example.org>",
        "a da@example.org",
        "ada\x00@example.org",
        "ada\u2028@example.org",
        "ada",
        "@example.org",
        "ada@",
        "ada@-example.org",
        "ada@exa_mple.org",
        "ada@example..org",
        ".ada@example.org",
        "ada@[127.0.0.1]",
        "ada@" + "a" * 64 + ".org",
        "ä" * 33 + "@example.org",
        "ada@\u2488com",
        "",
    ],
)
def test_a_recipient_that_is_no_single_address_is_a_permanent_failure(recipient: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        built(recipient=recipient)
    assert failure.value.reason == "invalid_recipient"


@pytest.mark.parametrize("sender", ["Todos", "Todos <no-reply@x.org>\r\nBcc: eve@example.com", "", "a@b@c d"])
def test_a_sender_that_is_no_mailbox_is_a_permanent_failure(sender: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        built(sender=sender)
    assert failure.value.reason == "invalid_sender"


@pytest.mark.parametrize("message_id", ["", "a b", "a\r\nBcc: x", "a>@b", "x" * 129])
def test_a_message_id_that_could_break_a_header_is_a_permanent_failure(message_id: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        built(message_id=message_id)
    assert failure.value.reason == "invalid_message_id"


def test_a_subject_with_a_line_break_can_not_add_a_header() -> None:
    message = received(built(RenderedEmail("Hi\r\nBcc: eve@example.com", "", "")))
    assert message["Subject"] == "Hi Bcc: eve@example.com"
    assert "Bcc" not in message


def test_more_headers_can_be_given() -> None:
    assert received(built(headers={"X-Priority": "1"}))["X-Priority"] == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nBcc: eve@example.com"},
        {"X\r\nBcc": "eve@example.com"},
        {"": "a"},
        {"to": "eve@example.com"},
    ],
)
def test_a_header_that_is_not_valid_is_a_permanent_failure(headers: dict[str, str]) -> None:
    with pytest.raises(PermanentFailure) as failure:
        built(headers=headers)
    assert failure.value.reason == "invalid_header"


def test_a_given_header_never_replaces_one_of_the_mails_own() -> None:
    message = received(built(headers={"To": "eve@example.com"}))
    assert message.get_all("To") == ["ada@example.org"]


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    message = built(recipient="ada@bücher.example")
    assert received(message)["To"] == "ada@xn--bcher-kva.example"
    assert message.payload.isascii()


def test_only_a_name_beyond_ascii_makes_a_message_in_utf8() -> None:
    message = built(recipient="ädä@bücher.example")
    assert "To: ädä@xn--bcher-kva.example\r\n".encode() in message.payload


@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=st.text(WRITABLE, max_size=400))
def test_every_body_arrives_as_it_was_written(text: str) -> None:
    message = built(RenderedEmail("Hi", text, text))
    assert message.payload.isascii()
    assert max(map(len, message.payload.split(b"\r\n"))) <= 78
    parts = [part.get_content().replace("\r\n", "\n") for part in received(message).iter_parts()]
    assert parts == [text, text]


@pytest.mark.parametrize("subject", ["=?utf-8?q?a?=", "a" * 150, "word " * 29 + "end", "a" * 60 + " b" * 40])
def test_a_subject_that_is_long_or_looks_encoded_arrives_as_it_was_written(subject: str) -> None:
    wire = built(RenderedEmail(subject, "text", "html")).payload
    assert message_from_bytes(wire, policy=SMTP)["Subject"] == subject


@pytest.mark.parametrize("name", ["Content-Type", "content-transfer-encoding", "MIME-Version", "from"])
def test_a_given_header_never_says_otherwise_than_the_mails_own(name: str) -> None:
    with pytest.raises(PermanentFailure, match="invalid_header"):
        built(headers={name: "x"})
