"""Ids that are drawn without Python's UUID, and look as if they were."""

import uuid

from common.ids import new_id, new_uuid


def test_an_id_of_an_event_is_a_random_uuid_in_its_usual_spelling() -> None:
    drawn = [new_uuid() for _ in range(500)]
    read = [uuid.UUID(text) for text in drawn]
    assert [str(one) for one in read] == drawn
    assert {(one.version, one.variant) for one in read} == {(4, uuid.RFC_4122)}


def test_no_bit_is_always_the_same_but_those_that_tell_the_kind() -> None:
    numbers = [uuid.UUID(new_uuid()).int for _ in range(500)]
    never_set = always_set = (1 << 128) - 1
    for number in numbers:
        never_set &= ~number
        always_set &= number
    assert (always_set, never_set) == (0x4 << 76 | 0x8 << 60, 0xB << 76 | 0x4 << 60)


def test_nobody_has_the_same_id() -> None:
    assert len({new_id() for _ in range(500)} | {new_uuid() for _ in range(500)}) == 1000
