"""Password hashes at the lowest cost."""

import unicodedata

import bcrypt
import pytest
from eventlet.semaphore import Semaphore
from hypothesis import given, settings
from hypothesis import strategies as st

from common import passwords
from common.errors import DeadlineExceeded
from common.passwords import cost_of, dummy_hash, hash_password, verify_at_cost, verify_password

ROUNDS = 4


def is_right(password: str, other: str) -> bool:
    return verify_password(other, hash_password(password, ROUNDS))


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=200))
def test_a_password_is_its_own_and_no_other(password: str) -> None:
    stored = hash_password(password, ROUNDS)
    assert verify_password(password, stored)
    assert not verify_password(password + "x", stored)


def test_two_passwords_that_differ_after_72_bytes_are_two() -> None:
    assert not is_right("x" * 72 + "one", "x" * 72 + "two")
    assert is_right("x" * 500, "x" * 500)


def test_a_nul_does_not_end_a_password() -> None:
    assert not is_right("open\0sesame", "open\0simsim")
    assert is_right("open\0sesame", "open\0sesame")


def test_the_same_keys_on_two_systems_are_one_password() -> None:
    typed = "Zoë Å café"
    assert is_right(unicodedata.normalize("NFD", typed), unicodedata.normalize("NFC", typed))


def test_case_and_spaces_count() -> None:
    assert not is_right("Sesame", "sesame")
    assert not is_right("sesame", "sesame ")


def test_a_lone_surrogate_is_no_reason_to_fail() -> None:
    assert is_right("x\ud800", "x\ud800")


@pytest.mark.parametrize(
    "stored",
    ["", "sesame", "$2b$", "$2b$04$short", "$argon2id$v=19$x", "$2b$99$" + "a" * 53, "ü" * 60, "\0" * 60],
)
def test_a_stored_hash_that_is_none_matches_nothing(stored: str) -> None:
    assert verify_password("sesame", stored) is False


def test_one_password_has_many_hashes_none_of_which_shows_it() -> None:
    hashes = {hash_password("open sesame", ROUNDS) for _ in range(3)}
    assert len(hashes) == 3
    assert all(one.startswith("$2b$04$") and "sesame" not in one for one in hashes)


def test_a_plain_bcrypt_of_the_password_is_not_accepted() -> None:
    plain = bcrypt.hashpw(b"sesame", bcrypt.gensalt(ROUNDS)).decode()
    assert not verify_password("sesame", plain)


@pytest.mark.parametrize("stored", [None, 4, 5, 6, 7, "no hash"])
def test_a_check_does_the_work_of_the_configured_cost_whatever_is_stored(
    stored: int | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = hash_password("sesame", stored) if isinstance(stored, int) else stored
    work: list[int] = []

    def counted(function: passwords.Hashing, password: str, other: bytes, patience: float | None) -> bytes:
        if cost := cost_of(other.decode()):
            work.append(2**cost)
        return function(password.encode(), other)

    monkeypatch.setattr(passwords, "_off_hub", counted)
    assert verify_at_cost("another", kept, 7) is False
    assert sum(work) == 2**7


def test_a_right_password_is_right_at_any_cost() -> None:
    assert [verify_at_cost("sesame", hash_password("sesame", 4), rounds) for rounds in (4, 5)] == [True] * 2
    assert (cost_of(hash_password("sesame", 5)), cost_of("$2b$x"), cost_of("")) == (5, None, None)


def test_the_dummy_is_made_once_costs_the_same_and_matches_nothing() -> None:
    assert dummy_hash(ROUNDS) is dummy_hash(ROUNDS)
    assert dummy_hash(ROUNDS).startswith("$2b$04$")
    assert not verify_password("", dummy_hash(ROUNDS))


def test_who_has_not_had_a_turn_in_time_is_told_so_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = Semaphore(0)
    monkeypatch.setattr(passwords, "_slots", taken)
    with pytest.raises(DeadlineExceeded):
        verify_password("sesame", dummy_hash(ROUNDS), patience=0.05)
    taken.release()
    assert verify_password("sesame", hash_password("sesame", ROUNDS, patience=1), patience=1)
