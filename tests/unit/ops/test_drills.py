"""The drills of `make drills`: they leave no alert out, and shorten the shipped rules in time alone."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.drills import rules
from tests.drills.drills import DRILLS
from tests.suite import ROOT
from tests.unit.ops.test_alerts import promtool

SHIPPED = rules.read(rules.SHIPPED / "rules.yml")
OPERATIONS = (ROOT / "docs/operations.md").read_text()
SECTION = OPERATIONS.partition("\n## Drills\n")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in SECTION.splitlines()
    if line.startswith("| ")
]


def test_every_alert_is_set_off_by_a_drill() -> None:
    assert {alert for drill in DRILLS for alert in drill.proves} == set(rules.alerts())


def test_the_document_tells_of_every_drill_what_it_proves() -> None:
    told = {name: tuple(proved.split(", ")) for name, _, proved in ROWS[2:]}
    assert told == {drill.name: drill.proves for drill in DRILLS}


@pytest.mark.parametrize(
    ("shipped", "short"),
    [
        ("rate(a[5m]) / rate(a[6h]) > 0.25", "rate(a[10000ms]) / rate(a[720000ms]) > 0.25"),
        ("max(suite_oldest_message_seconds) > 300", "max(suite_oldest_message_seconds) > 10"),
        ("time() - b > 180 * 86400 and c == 0", "time() - b > 180 * 86400 and c == 0"),
    ],
)
def test_an_expression_keeps_all_but_its_times(shipped: str, short: str) -> None:
    assert rules.shortened(shipped) == short


def test_a_shortened_rule_is_the_shipped_one_but_for_its_times() -> None:
    def without_times(document: dict) -> list[dict]:
        timeless = re.compile(r"\[\d+m?[smhd]\]|_seconds\) > \d+")
        found = [rule for group in document["groups"] for rule in group["rules"]]
        return [
            {**rule, "expr": timeless.sub("", rule["expr"]), "for": "for" in rule and "some time"}
            for rule in found
        ]

    short = rules.shortened_rules(SHIPPED)
    assert without_times(short) == without_times(SHIPPED)
    assert short != SHIPPED


def test_promtool_accepts_what_the_drills_use(tmp_path: Path) -> None:
    checked: subprocess.CompletedProcess[str] = promtool("check", "config", str(rules.write(tmp_path)))
    assert checked.returncode == 0, checked.stdout + checked.stderr
