"""The results in ``docs/performance.md``: tables between marks, and a plot beside it."""

from pathlib import Path

from bench import figures, plot
from bench.report import Report, title
from bench.rounds import Samples

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write(report: Report) -> None:
    """Put the tables of what was measured into the page, and draw the plot if there are rows."""
    page = DOCS / "performance.md"
    text = page.read_text()
    for name, results in report.blocks().items():
        text = between_marks(text, name, results)
    page.write_text(text)
    if report.samples:
        (DOCS / "performance.svg").write_text(plot.svg(_rates(report.samples)))


def between_marks(page: str, name: str, results: str) -> str:
    """The page with these results instead of those that were there under this name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    if not rest or end not in rest:
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n{results}\n{end}{after}"


def _rates(samples: Samples) -> dict[str, tuple[float, float]]:
    return {
        title(key): (figures.median(sides["suite"]).per_second, figures.median(sides["stock"]).per_second)
        for key, sides in samples.items()
    }
