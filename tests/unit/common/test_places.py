"""A stop waits for all workers, those that still wait for a place too, and no longer."""

import eventlet

from common.container import Places


def test_all_end_at_once_while_others_wait_for_their_places() -> None:
    places, done = Places(10), []

    def work() -> None:
        eventlet.sleep(0.005)
        done.append(1)

    for _ in range(25):
        eventlet.spawn(places.spawn, work)
    eventlet.sleep(0)
    with eventlet.Timeout(2):
        places.waitall()
    assert len(done) == 25


def test_nobody_is_waited_for_where_nobody_works() -> None:
    with eventlet.Timeout(2):
        Places(10).waitall()
