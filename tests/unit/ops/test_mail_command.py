from ops.mail import letter, table

MAIL = {
    "id": "7",
    "received_at": "2026-01-02T03:04:05.678Z",
    "from": "suite@example.com",
    "to": ["anna@example.com", "bo@example.com"],
    "subject": "Welcome",
    "text": "Hello Anna",
}


def test_the_table_has_a_line_a_mail_under_its_headings():
    heading, line = table([MAIL]).split("\n")
    assert heading.split() == ["ID", "RECEIVED", "TO", "SUBJECT"]
    assert line == "7   2026-01-02 03:04:05  anna@example.com, bo@example.com  Welcome"


def test_a_letter_shows_head_and_text():
    shown = letter(MAIL)
    assert "Subject: Welcome\n" in shown
    assert shown.endswith("\n\nHello Anna")


def test_a_letter_without_a_text_part_says_so():
    assert letter(MAIL | {"text": None}).endswith("(no text part)")
