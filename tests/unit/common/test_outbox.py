from common.outbox import pause_after


def test_the_pause_between_publications_grows_with_what_is_under_way_and_has_an_end():
    assert pause_after(0) == pause_after(1) == pause_after(15) == 0.1
    assert 0.1 < pause_after(30) == 0.2 < pause_after(45) == pause_after(99)
    assert pause_after(99) <= 0.3 + 1e-9


def test_a_backlog_is_not_held_up() -> None:
    assert pause_after(100) == pause_after(10_000) == 0.1
