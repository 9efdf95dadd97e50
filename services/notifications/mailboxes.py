"""Mail addresses as SMTP can carry them; what a parser refuses is a ValueError with the reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import lru_cache

import idna

from common.failures import PermanentFailure

_ATOM = r"[^\s.\"(),:;<>@\[\]\\]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_MAX_LOCAL_BYTES = 64
_MAX_DOMAIN_LENGTH = 253


def parse_address(text: str, display_name: str = "") -> Address:
    """Return the one address in `text` (no display name), its domain in ASCII (IDNA)."""
    local, at, domain = text.rpartition("@")
    if not at:
        raise ValueError("an address needs a name, an @ and a domain")
    if not text.isprintable() or not _LOCAL_PART.fullmatch(local):
        raise ValueError("the part before the @ has characters that mail can't carry")
    if len(local.encode("utf-8", "replace")) > _MAX_LOCAL_BYTES:
        raise ValueError(f"the part before the @ is longer than {_MAX_LOCAL_BYTES} bytes")
    return Address(display_name=display_name, username=local, domain=_ascii_domain(domain))


def parse_mailbox(text: str) -> Address:
    """Return the address in `text`, which may have a display name: `Todos <no-reply@example.com>`."""
    if not text.isprintable():
        raise ValueError("it has control characters or line breaks")
    name, address = parseaddr(text)
    return parse_address(address, display_name=name)


def sender_address(text: str) -> Address:
    """Return a message's sender; what is no mailbox is a permanent failure."""
    return _or_failure("sender", parse_mailbox, text)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """A sender, and the header that names it."""

    address: Address
    header: bytes


@lru_cache(maxsize=16)
def letterhead(text: str) -> Letterhead:
    """Return a message's sender with its header; made once, since nearly all mails have the same."""
    address = sender_address(text)
    policy = SMTP.clone(cte_type="7bit", utf8=needs_smtputf8(address))
    message = EmailMessage(policy=policy)
    message["From"] = address
    header, _, _ = message.as_bytes().partition(b"\r\n\r\n")
    return Letterhead(address, header + b"\r\n")


def recipient_address(text: str) -> Address:
    """Return a message's one recipient; what is no address is a permanent failure."""
    return _or_failure("recipient", parse_address, text)


def needs_smtputf8(*addresses: Address) -> bool:
    """Say whether the server must speak SMTPUTF8: only a name before the @ beyond ASCII asks for it."""
    return not all(address.addr_spec.isascii() for address in addresses)


def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError("the domain after the @ is not a valid name") from error
    labels_are_valid = all(_LABEL.fullmatch(label) for label in ascii_domain.split("."))
    if not labels_are_valid or len(ascii_domain) > _MAX_DOMAIN_LENGTH:
        raise ValueError("the domain after the @ is not a valid name")
    return ascii_domain


def _or_failure(role: str, parse: Callable[[str], Address], text: str) -> Address:
    try:
        return parse(text)
    except ValueError as error:
        raise PermanentFailure(f"invalid_{role}", f"the {role}'s address is not valid: {error}") from error
