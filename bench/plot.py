"""The throughput of both sides as bars."""

from xml.etree.ElementTree import Element

import pygal
from pygal.style import CleanStyle

COLOURS = ("#1f6feb", "#9aa4af")


def svg(rates: dict[str, tuple[float, float]]) -> str:
    """Requests per second by row, the suite's and stock Nameko's, as an SVG without scripts."""
    chart = pygal.HorizontalBar(
        style=CleanStyle(colors=COLOURS), js=(), print_values=True, print_values_position="top",
        legend_at_bottom=True, height=120 + 60 * len(rates), width=900, explicit_size=True,
        value_formatter=lambda value: f"{value:.0f}/s", title="Per second: more is better",
    )  # fmt: skip
    # Bars are drawn from the bottom.
    chart.x_labels = list(rates)[::-1]
    for number, name in enumerate(("suite", "stock Nameko")):
        chart.add(name, [pair[number] for pair in list(rates.values())[::-1]])
    chart.add_xml_filter(without_scripts)
    drawn: str = chart.render(is_unicode=True)
    return drawn


def without_scripts(drawing: Element) -> Element:
    """The drawing as a still picture."""
    for parent in list(drawing.iter()):
        for child in list(parent):
            if child.tag == "script":
                parent.remove(child)
    return drawing
