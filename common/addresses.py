"""E-mail addresses: checked by email-validator, and compared without regard to case."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

LONGEST = 320
"""In characters, of an address and of its key: a single sign may be many in the key."""

_LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1


def read_email(value: object) -> str:
    """The address in its normal form (NFC, domain in lower case); ValueError says what is wrong with it.

    The check is of syntax alone: whether a mailbox exists is what the verification mail finds out.
    """
    if not isinstance(value, str):
        raise ValueError("Not a valid string.")
    try:
        # A name under .test is good syntax; without this flag the library takes it for an example.
        found = validate_email(
            value.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True
        )
    except EmailNotValidError as problem:
        raise ValueError(str(problem)) from None
    if "." not in found.domain:
        raise ValueError("The part after the @-sign is not valid. It should have a period.")
    if len(email_key(found.normalized)) > LONGEST:
        raise ValueError("The email address is too long.")
    if len(found.local_part.encode("utf-8")) > _LONGEST_LOCAL_PART:
        raise ValueError(f"The part before the @-sign is longer than {_LONGEST_LOCAL_PART} bytes.")
    return found.normalized


def is_email(value: object) -> bool:
    """Whether ``read_email`` takes it."""
    try:
        read_email(value)
    except ValueError:
        return False
    return True


def email_key(address: str) -> str:
    """What two spellings of one address have in common: NFKC, case folded (``Ada@X.org`` = ``ada@x.org``)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).casefold())
