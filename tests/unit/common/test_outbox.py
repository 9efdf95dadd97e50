from common.outbox import Entry, _told, pause_after


def test_the_pause_between_publications_grows_with_what_is_under_way_and_has_an_end():
    assert pause_after(0) == pause_after(1) == pause_after(15) == 0.1
    assert 0.1 < pause_after(30) == 0.2 < pause_after(45) == pause_after(99)
    assert pause_after(99) <= 0.3 + 1e-9


def test_a_backlog_is_not_held_up() -> None:
    assert pause_after(100) == pause_after(10_000) == 0.1


def test_a_line_tells_which_events_left_and_of_which_requests_and_traces() -> None:
    entries = [
        Entry("todos", "todo_created", {
            "event_id": f"e-{number}", "request_id": "r-1", "traceparent": f"00-{number:032x}-{7:016x}-01",
        })
        for number in (1, 2)
    ]  # fmt: skip
    assert _told(entries[:1]) == {"event_id": "e-1", "request_id": "r-1", "trace_id": f"{1:032x}"}
    assert _told(entries) == {
        "events": 2, "event_ids": "e-1 e-2", "request_ids": "r-1", "trace_ids": f"{1:032x} {2:032x}",
    }  # fmt: skip
