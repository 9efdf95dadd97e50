"""The results in ``docs/performance.md``: tables between two marks, and a plot beside it."""

from pathlib import Path

from bench import figures, plot
from bench.report import title
from bench.rounds import Samples

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def write(results: str, samples: Samples) -> None:
    """Put the tables into the page and draw the plot."""
    page = DOCS / "performance.md"
    page.write_text(between_marks(page.read_text(), results))
    rates = {
        title(key): (figures.median(sides["suite"]).per_second, figures.median(sides["stock"]).per_second)
        for key, sides in samples.items()
    }
    (DOCS / "performance.svg").write_text(plot.svg(rates))


def between_marks(page: str, results: str) -> str:
    """The page with these results instead of those that were there."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{results}\n{END}{after}"
