import json

from ops.runner.ready import failing_services, ready_text


def test_the_ready_box_shows_every_address_aligned_in_a_closed_frame():
    lines = ready_text(
        7.4, {"API docs": "http://localhost:3000/docs", "Mails": "http://127.0.0.1:8025"}
    ).split("\n")
    assert {len(line) for line in lines} == {len(lines[0])}
    assert "| Ready after 7 s." in lines[1]
    assert lines[3].index("http") == lines[4].index("http")
    assert any("Ctrl-C stops everything" in line for line in lines)


def test_what_is_not_ready_is_named():
    report = {"services": {"users": {"status": "fail"}, "todos": {"status": "pass"}}}
    assert failing_services(json.dumps(report).encode()) == " (not ready: users)"


def test_an_answer_that_is_no_report_names_nothing():
    for body in (b"", b"<html>", b"[]", b'{"services": []}', b'{"services": {"users": 1}}'):
        assert failing_services(body) == ""
