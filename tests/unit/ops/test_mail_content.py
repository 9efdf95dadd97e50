from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from ops.mailcatcher.message import read_content, read_headers


def test_both_parts_and_encoded_headers_are_read():
    mail = EmailMessage()
    mail["Subject"] = "Grüße"
    mail["To"] = "Ünna <anna@example.com>"
    mail.set_content("Hallo Ünna\n")
    mail.add_alternative("<p>Hallo</p>", subtype="html")
    content = read_content(bytes(mail))
    assert content.header("subject") == "Grüße"
    assert content.headers["To"] == "Ünna <anna@example.com>"
    assert content.text == "Hallo Ünna\n"
    assert content.html == "<p>Hallo</p>\n"


def test_an_attached_text_is_not_the_mails_text():
    mail = EmailMessage()
    mail.set_content("body\n")
    mail.add_attachment("attached\n", filename="a.txt")
    assert read_content(bytes(mail)).text == "body\n"


def test_a_mail_without_html_has_none():
    assert read_content(b"Subject: x\n\nhi").html is None


def test_an_unknown_character_set_is_read_as_well_as_can_be():
    raw = b"Content-Type: text/plain; charset=nonsense\nSubject: =?nonsense?q?x?=\n\nhi \xff"
    content = read_content(raw)
    assert content.text is not None
    assert content.text.startswith("hi ")
    assert content.header("subject") == "=?nonsense?q?x?="


def test_a_repeated_header_keeps_all_its_values():
    assert read_content(b"Received: one\nReceived: two\n\n").headers["Received"] == "one, two"


def test_single_headers_read_as_in_the_whole():
    raw = (
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n an  alle\r\nX-Two: a\r\nX-Two: b\r\n\r\nSubject: body\r\n"
    )
    assert read_headers(raw, "subject", "x-two", "other") == ["Grüße an alle", "a, b", ""]
    assert read_content(raw).header("subject") == "Grüße an alle"


@given(st.binary(max_size=400))
def test_garbage_never_fails(garbage):
    assert read_headers(garbage, "subject") == [read_content(garbage).header("subject")]


PIECES = [
    b"Content-Type: multipart/mixed; boundary=x\n",
    b"Content-Type: text/html; charset=\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Disposition: inline; filename*=a'b\n",
    b"Subject: =?utf-8?b?",
    b"\xff=?=?=",
    b"?=\n",
    b"--x\n",
    b"--x--\n",
    b"\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_broken_structures_never_fail(pieces):
    raw = b"".join(pieces)
    assert len(read_headers(raw, "subject")) == 1
    read_content(raw)
