"""How a run is told: tables, the page, the plot, and what the command line takes."""

import json
import re

import pytest

from bench import document, options, plot
from bench.report import TABLES, Report
from bench.steps import MOMENTS
from bench.tables import table
from tests.unit.bench.runs import one_row, sample

REPORT = Report(
    one_row("post32", [sample(300, settled_after=4.2, own_cpu=2.0)], [sample(100, own_cpu=4.0)]),
    {"mail_ms": 19.0, "memory": {"users": 90.2}, "outbox": {"MongoDB": {"alone": {"ms": 1.0, "ratio": 1.0}}}},
    rounds=1,
    seconds=3,
)
STEPS = {
    "steps": [10.0] * (len(MOMENTS) - 1), "faster": 260.0, "total": 270.0, "unmarked_faster": 240.0,
    "unmarked_total": 250.0, "mark_ns": 400.0, "requests": 7,
}  # fmt: skip


def test_a_row_shows_both_sides_and_their_ratios() -> None:
    line = next(line for line in REPORT.text().splitlines() if line.startswith("| POST a todo, 32 clients "))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "POST a todo, 32 clients", "300/s", "100/s", "3.00", "1.0 / 1.0", "2.0 / 2.0",
        "2.00 / 4.00 (0.50)", "1.00 / 1.00 (1.00)",
    ]  # fmt: skip


def test_what_a_load_leaves_to_do_is_told() -> None:
    assert re.search(r"seconds until all that it caused was done +\| 4.2 / 0.5 ", REPORT.text())


def test_the_parts_and_the_verdicts_follow() -> None:
    text = REPORT.text()
    assert re.search(r"a mail from commit to SMTP, idle, median +\| 19.0 ms ", text)
    assert re.search(r"resident memory, MiB +\| users 90 ", text)
    assert re.search(r"\| MongoDB: alone +\| 1.00 ms, 1.00 times ", text)
    assert re.search(r"\| POST, 32 clients +\| ≥ 2.8 times stock +\| reached: 3.00 times stock ", text)


def test_the_raw_figures_are_json_with_every_sample() -> None:
    raw = json.loads(json.dumps(REPORT.raw()))
    assert raw["samples"]["post32"]["suite"][0]["per_second"] == 300
    assert raw["figures"]["post32.ratio"] == 3


def test_columns_are_aligned() -> None:
    assert table(("a", "b"), [("long cell", "1")]) == (
        "| a         | b   |\n| --------- | --- |\n| long cell | 1   |"
    )


def test_the_page_keeps_what_is_around_the_results() -> None:
    page = "before\n<!-- results -->\n{}\n<!-- end of results -->\nafter\n"
    assert document.between_marks(page.format("old"), "results", "new") == page.format("new")


def test_a_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="lacks"):
        document.between_marks("nothing", "results", "new")


@pytest.mark.parametrize("name", ["results", *TABLES])
def test_the_real_page_has_its_marks(name: str) -> None:
    page = (document.DOCS / "performance.md").read_text()
    assert document.between_marks(page, name, "new").count("new\n") >= 1


def test_a_run_of_a_part_replaces_no_other_results() -> None:
    assert list(Report({}, {"waterfall": {"get": STEPS}}, 1, 1).blocks()) == ["waterfall"]


def test_the_plot_names_each_row_and_runs_no_script() -> None:
    drawn = plot.svg({"GET one": (300.0, 100.0)})
    assert "GET one" in drawn
    assert "300/s" in drawn
    assert "<script" not in drawn


def test_everything_is_measured_unless_parts_are_named() -> None:
    assert [row.key for row in options.read([]).rows] == list(options.ROW_KEYS)
    assert options.read([]).parts == list(options.PARTS)
    some = options.read(["--only", "list32", "rpc", "--rounds", "1", "--seconds", "3"])
    assert ([row.key for row in some.rows], some.parts, some.rounds) == (["list32"], ["rpc"], 1)


@pytest.mark.parametrize("wrong", [["--rounds", "0"], ["--seconds", "x"], ["--only", "nothing"]])
def test_a_wrong_option_ends_with_a_line_that_names_it(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options.read(wrong)
    assert wrong[0] in capsys.readouterr().err
