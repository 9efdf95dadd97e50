"""What wrk prints, and how it is asked."""

import json

import pytest

from bench.load import LoadFailed, Request, command, read

FIGURES = {"requests": 1200, "seconds": 4.0, "p50_ms": 9.5, "p99_ms": 31.0, "refused": 0, "broken": 0}


def printed(**changes: float) -> str:
    return (
        "Running 4s test @ http://127.0.0.1:3000/api/todos\n  1 threads and 32 connections\n"
        "  1200 requests in 4.00s, 8.40MB read\nRequests/sec:    300.00\n"
        f"{json.dumps(FIGURES | changes)}\n"
    )


def test_the_figures_are_those_of_the_script_that_wrk_runs() -> None:
    answers = read(printed())
    assert (answers.per_second, answers.p50_ms, answers.p99_ms) == (300.0, 9.5, 31.0)


@pytest.mark.parametrize(
    "changes", [{"refused": 1}, {"broken": 1}, {"requests": 0}], ids=["refused", "not answered", "nothing"]
)
def test_a_run_fails_if_a_single_request_was_not_answered_as_it_should(changes: dict[str, float]) -> None:
    with pytest.raises(LoadFailed, match="refused"):
        read(printed(**changes))


def test_a_load_generator_that_measured_nothing_is_shown_with_what_it_said() -> None:
    with pytest.raises(LoadFailed, match="unable to connect"):
        read("unable to connect to 127.0.0.1:3000 Connection refused\n")


def test_bodies_follow_the_address_and_the_token_goes_into_a_header() -> None:
    asked = list(command(Request("http://127.0.0.1:3000/x", "t0ken", ("{}",)), 8, 5))
    assert asked[-3:] == ["http://127.0.0.1:3000/x", "--", "{}"]
    assert "Authorization: Bearer t0ken" in asked
    assert {"-c8", "-d5s"} <= set(asked)


def test_who_logs_in_has_no_token_yet() -> None:
    assert "-H" not in command(Request("http://127.0.0.1:3000/x", bodies=("{}",)), 8, 5)


def test_users_ask_in_turn_each_for_their_own() -> None:
    turns = (("/x", "a"), ("/y", "b"))
    assert list(command(Request("http://127.0.0.1:3000/", in_turn=turns), 8, 5))[-2:] == [
        "GET /x a",
        "GET /y b",
    ]
