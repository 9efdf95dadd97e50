"""Password hashes at the lowest cost."""

import unicodedata

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.passwords import dummy_hash, hash_password, verify_password

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


def test_the_dummy_is_made_once_costs_the_same_and_matches_nothing() -> None:
    assert dummy_hash(ROUNDS) is dummy_hash(ROUNDS)
    assert dummy_hash(ROUNDS).startswith("$2b$04$")
    assert not verify_password("", dummy_hash(ROUNDS))
