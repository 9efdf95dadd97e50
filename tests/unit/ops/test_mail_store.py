import json
import mailbox
from pathlib import Path

from ops.mailcatcher.store import ENVELOPE_HEADER, MailStore

MAIL = b"Subject: Hello\r\nMessage-ID: <1@example.com>\r\n\r\nHi\r\n"


def test_mails_come_newest_first_with_rising_ids(tmp_path):
    store = MailStore(tmp_path / "mails")
    for _ in range(11):
        store.add("a@example.com", ["b@example.com"], MAIL)
    assert [mail.id for mail in store.find()] == [str(number) for number in range(11, 0, -1)]
    assert [mail.id for mail in store.find(limit=2)] == ["11", "10"]


def test_mails_survive_a_restart_and_ids_go_on(tmp_path):
    first = MailStore(tmp_path / "mails")
    kept = first.add("a@example.com", ["b@example.com", "c@example.com"], MAIL)
    again = MailStore(tmp_path / "mails")
    assert again.find() == [kept]
    assert again.raw(kept.id) == MAIL
    assert again.add("a@example.com", ["b@example.com"], MAIL).id == "2"


def test_a_recipient_is_matched_whole_a_search_in_part(tmp_path):
    store = MailStore(tmp_path / "mails")
    store.add("x@example.com", ["Anna@example.com"], MAIL)
    store.add("x@example.com", ["joanna@example.com"], MAIL)
    assert [mail.id for mail in store.find(recipient="anna@EXAMPLE.com")] == ["1"]
    assert [mail.id for mail in store.find(search="anna")] == ["2", "1"]
    assert [mail.id for mail in store.find(subject="hell")] == ["2", "1"]
    assert store.find(subject="other") == []


def test_deleted_mails_are_gone_from_memory_and_disk(tmp_path):
    store = MailStore(tmp_path / "mails")
    mail = store.add("a@example.com", ["b@example.com"], MAIL)
    store.clear()
    assert len(store) == 0
    assert store.get(mail.id) is None
    assert store.raw(mail.id) == b""
    assert len(MailStore(tmp_path / "mails")) == 0


def older_store(directory: Path) -> None:
    """A maildir as older versions kept it, with one mail, and a file of somebody else's."""
    maildir = mailbox.Maildir(directory)
    about = {"id": "7", "received_at": "2026-11-22T13:45:00.000Z", "sender": "a@example.com"}
    envelope = json.dumps({**about, "recipients": ["b@example.com"], "subject": "Hello"}).encode()
    maildir.add(ENVELOPE_HEADER + envelope + b"\n" + MAIL)
    (directory / "new" / "foreign").write_bytes(b"Subject: mine\n\nx")


def test_mails_of_an_older_version_are_still_there_and_files_of_others_left_alone(tmp_path: Path) -> None:
    older_store(tmp_path / "mails")
    store = MailStore(tmp_path / "mails")
    assert store.add("a@example.com", ["b@example.com"], MAIL).id == "8"
    again = MailStore(tmp_path / "mails")
    assert [(mail.id, mail.subject) for mail in again.find()] == [("8", "Hello"), ("7", "Hello")]
    assert again.raw("7").splitlines() == again.raw("8").splitlines() == MAIL.splitlines()


def test_what_a_crash_has_left_of_a_mail_is_none(tmp_path: Path) -> None:
    first = MailStore(tmp_path / "mails")
    kept = first.add("a@example.com", ["b@example.com"], MAIL)
    whole = (tmp_path / "mails" / "caught").read_bytes()
    for cut in range(len(whole)):
        (tmp_path / "mails" / "caught").write_bytes(whole + whole[:cut])
        store = MailStore(tmp_path / "mails")
        assert store.find() == [kept]
        store.add("a@example.com", ["c@example.com"], MAIL[:5])
        assert [MailStore(tmp_path / "mails").raw(number) for number in ("1", "2")] == [MAIL, MAIL[:5]]
