"""Sends dead letters again, and lets go of each as soon as the broker holds it.

A queue's letters go some at a time, so that what one queue or a later batch runs into concerns no letter
that was taken before: only what is still listed is sent by the next try.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from common.broker import Message, NoQueue
from common.errors import SuiteError
from common.mongo import Document
from services.messaging.dead_letters import revived, unroutable

_BATCH = 100
Send = Callable[[Sequence[Message]], None]
Refusals = list[tuple[Document, SuiteError]]
Sendable = list[tuple[Document, Message]]


def replay(ledger: Any, send: Send, letters: list[Document]) -> Refusals:
    """Send letters that were taken; returns those that can't be sent, which stay, and why.

    Unavailable if the broker does not answer: then what it has not taken stays.
    """
    sendable, refused = _revive(letters)
    try:
        for batch in _batches(sendable):
            # Sent first, then let go: after a crash in between they are sent twice, and taken once.
            try:
                send([message for _, message in batch])
            except NoQueue:
                refused += [(letter, unroutable(letter)) for letter, _ in batch]
            else:
                _let_go(ledger, [letter for letter, _ in batch])
    finally:
        ledger.dead_letters.put_off([letter for letter, _ in refused])
        ledger.dead_letters.give_back(letters)
    return refused


def _revive(letters: list[Document]) -> tuple[Sendable, Refusals]:
    sendable: Sendable = []
    refused: Refusals = []
    for letter in letters:
        try:
            sendable.append((letter, revived(letter)))
        except SuiteError as problem:
            refused.append((letter, problem))
    return sendable, refused


def _batches(sendable: Sendable) -> Iterator[Sendable]:
    """Of one queue each: the broker tells which address it has no queue for, not which message."""
    for _, group in groupby(sorted(sendable, key=_queue), key=_queue):
        those = list(group)
        yield from (those[start : start + _BATCH] for start in range(0, len(those), _BATCH))


def _queue(one: tuple[Document, Message]) -> str:
    return one[1].routing_key


def _let_go(ledger: Any, letters: list[Document]) -> None:
    ledger.revive([letter["message_id"] for letter in letters if "message_id" in letter])
    ledger.dead_letters.delete(*[letter["_id"] for letter in letters])
