"""The headers of one-click unsubscribe arrive whole, however long the link is."""

from email import message_from_bytes
from email.policy import SMTP

import pytest

from services.notifications.emails import RenderedEmail, build_message
from services.notifications.list_headers import one_click

LINK = "https://todos.example.com/unsubscribe?token=" + "eyJ0eXAiOiJ4In0." * 25
MAIL = RenderedEmail("New todo", "text\n", "<p>html</p>\n")


@pytest.mark.parametrize("recipient", ["ada@example.org", "ädä@example.org"])
def test_the_link_stands_on_one_line_as_it_is(recipient: str) -> None:
    message = build_message(
        MAIL,
        message_id="m-1",
        sender="Todos <no-reply@example.com>",
        recipient=recipient,
        headers=one_click(LINK),
    )
    wire = message.payload
    assert f"\r\nList-Unsubscribe: <{LINK}>\r\n".encode() in b"\r\n" + wire
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in wire
    assert message_from_bytes(wire, policy=SMTP)["List-Unsubscribe"] == f"<{LINK}>"


def test_a_mail_without_a_link_has_neither_header() -> None:
    message = build_message(
        MAIL, message_id="m-1", sender="a@example.com", recipient="b@example.com", headers=one_click(None)
    )
    assert b"List-Unsubscribe" not in message.payload
