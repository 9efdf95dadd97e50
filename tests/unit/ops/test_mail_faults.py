import pytest

from ops.mailcatcher.faults import Attempts, Faults, parse_faults


def test_without_faults_nothing_is_refused():
    assert Faults().refusal_of("a@example.com") is None
    assert Faults().refusal_of_any(["a@example.com"]) is None


def test_listed_recipients_are_refused_in_any_case_of_letters():
    faults = Faults(permanent_recipients=["Gone@example.com"], temporary_recipients=["busy@example.com"])
    assert faults.refusal_of("gone@EXAMPLE.com").startswith("550")
    assert faults.refusal_of("busy@example.com").startswith("451")


def test_a_share_of_one_refuses_every_mail_for_now():
    assert Faults(temporary_share=1).refusal_of_any(["a@example.com"]).startswith("451")


def test_recipients_can_be_refused_after_the_text():
    faults = Faults(permanent_recipients=["gone@example.com"], stage="data")
    assert faults.refusal_of_any(["a@example.com", "gone@example.com"]).startswith("550")


def test_faults_are_read_from_what_a_test_sends():
    assert parse_faults({"temporary_share": 0.33, "refuse": True}) == Faults(
        temporary_share=0.33, refuse=True
    )


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        {"unknown": 1},
        {"temporary_share": 2},
        {"delay_seconds": -1},
        {"stage": "x"},
        {"refuse": "maybe"},
    ],
)
def test_faults_that_make_no_sense_are_refused(document):
    with pytest.raises(ValueError, match=r"\w"):
        parse_faults(document)


def test_attempts_are_listed_oldest_first_by_recipient():
    attempts = Attempts()
    attempts.record("a@example.com", "451 later")
    attempts.record("b@example.com", "250 ok", "<1@x>", "7")
    attempts.record("a@example.com", "250 ok")
    assert [attempt.code for attempt in attempts.find("A@example.com")] == [451, 250]
    assert attempts.find("b@example.com")[0].x_message_id == "7"
    assert len(attempts.find()) == 3
