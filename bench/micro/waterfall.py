"""Where the time of one request goes: moments marked in gateway and todos, one client, nothing else asked."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import cpu, steps
from bench.load import Request
from bench.one_client import ask
from bench.people import settle_in
from bench.setting import Setting
from bench.sides import Side
from bench.steps import CLIENT, GATEWAY, MOMENTS, TODOS, Mark
from bench.tables import Table

REQUESTS, WARM_UP = 400, 150
ASKED = {"get": "GET one", "list": "GET list of 20"}


def measure(setting: Setting) -> dict[str, Any]:
    """Steps of both kinds of request, and what the client sees without marks, before and after."""
    people = settle_in(setting.suite.url, logins=0)
    wanted = {"get": people.get_todo, "list": people.list_todos}
    plain = {key: _asked(setting, one) for key, one in wanted.items()}
    files = {name: setting.suite.directory / f"{name}.marks.json" for name in (GATEWAY, TODOS)}
    with marked(setting.suite, files):
        seen = {key: _asked(setting, one) for key, one in wanted.items()}
    plain = {key: plain[key] + _asked(setting, one) for key, one in wanted.items()}
    told = {name: json.loads(path.read_text()) for name, path in files.items()}
    marks = {name: [(key, when) for key, when in one["marks"]] for name, one in told.items()}
    mark_ns = max(one["mark_ns"] for one in told.values())
    return {key: figures_of(marks | {CLIENT: seen[key]}, plain[key], mark_ns) for key in wanted}


@contextmanager
def marked(side: Side, files: dict[str, Path]) -> Iterator[None]:
    """Gateway and todos as processes that mark; at the end they have written their marks."""
    plain = {name: side.commands[name] for name in files}
    _exchange(side, {name: [sys.executable, "-m", "bench.marked", name, str(files[name])] for name in files})
    try:
        yield
    finally:
        _exchange(side, plain)


def _exchange(side: Side, commands: dict[str, list[str]]) -> None:
    for name in reversed(commands):
        side.stop_one(name)
    for name, command in commands.items():
        side.commands[name] = command
        side.start_one(name)
    side.wait_ready()


def _asked(setting: Setting, request: Request) -> list[Mark]:
    ask(request, WARM_UP)
    cpu.wait_quiet(setting.pids)
    return ask(request, REQUESTS)


def figures_of(marks: dict[str, list[Mark]], plain: list[Mark], mark_ns: float) -> dict[str, Any]:
    """The medians of the steps in the faster half, and of the whole with and without marks."""
    times = steps.requests(marks)
    if not times:
        raise RuntimeError("no request has all marks: has a seam moved?")
    undisturbed, unmarked = steps.faster_half(times), waits(plain)
    return {
        "steps": steps.medians(undisturbed), "faster": steps.total(undisturbed), "total": steps.total(times),
        "unmarked_faster": steps.total(steps.faster_half(unmarked)), "unmarked_total": steps.total(unmarked),
        "requests": len(times), "mark_ns": mark_ns,
    }  # fmt: skip


def waits(marks: list[Mark]) -> list[tuple[int, int]]:
    """When each request was sent and when its answer was read."""
    times = [when for _, when in marks]
    return list(zip(times[::2], times[1::2], strict=True))


def tables(found: dict[str, Any]) -> list[Table]:
    """The steps, and the same added up by where they were spent."""
    kinds = list(found.values())
    head = ("until", "in", *(f"{ASKED[key]}, µs" for key in found))
    rows = [
        (moment.title, moment.spent_in, *(f"{one['steps'][at]:.0f}" for one in kinds))
        for at, moment in enumerate(MOMENTS[1:])
    ]
    places = [steps.by_place(one["steps"]) for one in kinds]
    sums = [(place, *(f"{one[place]:.0f}" for one in places)) for place in places[0]]
    said = {
        "sum of the steps": [sum(one["steps"]) for one in kinds],
        "the whole, faster half": [one["faster"] for one in kinds],
        "the same without marks": [one["unmarked_faster"] for one in kinds],
        "the whole, all requests": [one["total"] for one in kinds],
        "the same without marks ": [one["unmarked_total"] for one in kinds],
        "making the marks, reckoned": [len(MOMENTS) * one["mark_ns"] / 1000 for one in kinds],
    }
    sums += [(title, *(f"{value:.0f}" for value in values)) for title, values in said.items()]
    sums.append(("requests with all marks", *(str(one["requests"]) for one in kinds)))
    return [(head, rows), (("spent in", *head[2:]), sums)]
