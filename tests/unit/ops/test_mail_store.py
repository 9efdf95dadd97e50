from ops.mailcatcher.store import MailStore

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


def test_files_of_others_in_the_folder_are_left_alone(tmp_path):
    MailStore(tmp_path / "mails")
    foreign = tmp_path / "mails" / "new" / "foreign"
    foreign.write_bytes(b"Subject: mine\n\nx")
    assert len(MailStore(tmp_path / "mails")) == 0
    assert foreign.exists()


def test_a_mail_that_a_mail_program_has_moved_is_still_there(tmp_path):
    store = MailStore(tmp_path / "mails")
    mail = store.add("a@example.com", ["b@example.com"], MAIL)
    (file,) = (tmp_path / "mails" / "new").iterdir()
    file.rename(tmp_path / "mails" / "cur" / f"{file.name}:2,S")
    assert store.raw(mail.id) == MAIL
    assert MailStore(tmp_path / "mails").raw(mail.id) == MAIL
