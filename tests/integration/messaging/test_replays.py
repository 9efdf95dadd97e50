"""What becomes of dead letters that are sent again, and of those that can't be."""

import json
import uuid
from typing import Any

import pytest
import requests

from common import topology
from common.errors import BadRequest, Conflict, Unavailable
from common.server import SuiteWebServer
from services.auth.tokens import Signer
from services.messaging.dead_letters import DeadLetters
from services.messaging.replaying import replay
from services.messaging.storage import Ledger
from tests.integration.messaging.conftest import QUEUE, dead
from tests.integration.running import SECRET, Running, Wire, eventually


def listed(admin: Any) -> set[str]:
    return {letter["id"] for letter in admin.dead_letters(query={})["items"]}


def put_by_hand(wire: Wire, admin: Any) -> dict[str, Any]:
    """The letter that a message without any headers becomes."""
    wire.send({"by": "hand"}, topology.DEAD_LETTERS)
    [letter] = eventually(lambda: admin.dead_letters(query={"queue": "unknown"})["items"])
    assert (letter["reason"], letter["queue"]) == ("unknown", "unknown")
    return dict(letter)


def test_letters_that_can_not_be_sent_stay_and_the_others_are_sent_once(
    letters: DeadLetters, admin: Any, wire: Wire
) -> None:
    stay = {put_by_hand(wire, admin)["id"], dead(letters, "gone"), dead(letters, "q" * 300)}
    stay.add(dead(letters, missing=1))
    sent = {dead(letters) for _ in range(3)}
    assert admin.replay_dead_letters(data={}) == {"replayed": 3, "not_replayed": 4}
    assert admin.replay_dead_letters(data={}) == {"replayed": 0, "not_replayed": 4}
    assert listed(admin) == stay
    assert {json.loads(wire.take(QUEUE).body)["message_id"] for _ in range(3)} == sent
    assert wire.count(QUEUE) == 0


def test_a_letter_that_can_not_be_sent_is_refused_and_can_be_deleted(
    letters: DeadLetters, admin: Any, wire: Wire
) -> None:
    letter = put_by_hand(wire, admin)["id"]
    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            admin.replay_dead_letter(letter_id=letter)
        assert (refusal.value.code, refusal.value.details) == ("dead_letter_unroutable", {"queue": "unknown"})
    with pytest.raises(BadRequest, match="dead_letter_cut"):
        admin.replay_dead_letter(letter_id=dead(letters, missing=1))
    admin.delete_dead_letter(letter_id=letter)
    assert letter not in listed(admin)


def test_letters_that_can_not_be_sent_do_not_keep_the_others_from_their_turn(
    letters: DeadLetters, admin: Any, wire: Wire
) -> None:
    stays, sent = dead(letters, "gone"), dead(letters)
    assert admin.replay_dead_letters(data={"limit": 1}) == {"replayed": 0, "not_replayed": 1}
    assert admin.replay_dead_letters(data={"limit": 1}) == {"replayed": 1}
    assert json.loads(wire.take(QUEUE).body)["message_id"] == sent
    assert listed(admin) == {stays}


def test_a_letter_whose_queue_is_there_again_is_sent(letters: DeadLetters, admin: Any, wire: Wire) -> None:
    queue = f"comes-{uuid.uuid4()}"
    dead(letters, queue)
    assert admin.replay_dead_letters(data={}) == {"replayed": 0, "not_replayed": 1}
    wire.channel.queue_declare(queue, auto_delete=False)
    assert admin.replay_dead_letters(data={}) == {"replayed": 1}
    assert wire.count(queue) == 1


def test_what_the_broker_took_before_it_went_away_is_no_longer_listed(
    letters: DeadLetters, ledger: Ledger, admin: Any
) -> None:
    for number in range(250):
        dead(letters, QUEUE if number % 5 else "another")
    batches: list[int] = []

    def send_until_the_third(messages: Any) -> None:
        if len(batches) == 2:
            raise Unavailable("broker_unavailable", "The broker did not take the messages.")
        batches.append(len(messages))

    with pytest.raises(Unavailable):
        replay(ledger, send_until_the_third, letters.take_oldest({}, 1000))
    assert letters.count() == 250 - sum(batches)
    assert len(letters.take_oldest({}, 1000)) == 250 - sum(batches)  # nobody has them


@pytest.mark.parametrize("body", [None, b"", b"{}"])
def test_a_replay_without_a_body_is_one_of_all(
    messaging: Running, letters: DeadLetters, wire: Wire, body: bytes | None
) -> None:
    dead(letters)
    server = messaging.container.shared_extensions[SuiteWebServer]
    port = server.listener.socket.getsockname()[1]
    token = Signer(SECRET, 60, 60).access_token(str(uuid.uuid4()), "admin", str(uuid.uuid4()))
    headers = {"Authorization": f"Bearer {token}", **({"Content-Type": "application/json"} if body else {})}
    answer = requests.post(
        f"http://127.0.0.1:{port}/messages/dead-letters/replay", data=body, headers=headers, timeout=10
    )
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    wire.take(QUEUE)
