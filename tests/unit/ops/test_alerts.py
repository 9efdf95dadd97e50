"""Alerts and dashboard: checked by promtool, told in the runbook, and about metrics that there are."""

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from common import metrics
from ops.backup.metrics import Archives
from tests.drills.rules import read
from tests.suite import ROOT
from tests.unit.ops.compose_file import parse

PROMETHEUS = ROOT / "ops/prometheus"
DASHBOARD = ROOT / "ops/grafana/dashboards/suite.json"
OF_OTHERS = {
    "up", "process_start_time_seconds", "process_open_fds", "process_max_fds", "process_cpu_seconds_total",
    "process_resident_memory_bytes", "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_alarms_free_disk_space_watermark", "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes", "rabbitmq_queue_messages_ready", "ALERTS",
    "kube_cronjob_status_last_successful_time", "kube_cronjob_created",
}  # fmt: skip
"""What Prometheus, prometheus-client, the plugin rabbitmq_prometheus and kube-state-metrics name."""
NAME = re.compile(r"(?<![\w:$])(?:suite[:_]|process_|rabbitmq_|kube_|up\b|ALERTS)[\w:]*")


RULES = [rule for group in read(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
PANELS = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
RUNBOOK = {part.split("\n", 1)[0]: part for part in (ROOT / "docs/runbook.md").read_text().split("\n## ")[1:]}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Debian's, from the PATH or where `make test` has put it."""
    program = shutil.which("promtool") or str(ROOT / ".local/bin/promtool")
    command = [program, *arguments]
    return subprocess.run(command, cwd=PROMETHEUS, check=False, capture_output=True, text=True, timeout=60)


def exported() -> set[str]:
    """The names of all samples that our metrics can have."""
    assert metrics.exposition()
    of_backups = Archives(ROOT, timedelta(days=1)).collect()
    return set(REGISTRY._names_to_collectors) | {family.name for family in of_backups}


def test_promtool_accepts_configuration_and_rules() -> None:
    checked = promtool("check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_when_its_thing_breaks_and_not_before() -> None:
    tested = promtool("test", "rules", "rules_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "rules.yml", tmp_path)
    text = (PROMETHEUS / "rules_test.yml").read_text()
    broken = read(PROMETHEUS / "rules_test.yml")
    broken["tests"] = [one for one in broken["tests"] if one["name"] == "DeadLetters"]
    broken["tests"][0]["promql_expr_test"][0]["exp_samples"] = [{"labels": "{}", "value": 1}]
    assert "DeadLetters" in text
    (tmp_path / "rules_test.yml").write_text(yaml.dump(broken))
    assert promtool("test", "rules", str(tmp_path / "rules_test.yml")).returncode != 0


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_test_of_both_and_a_section_of_the_runbook(alert: str) -> None:
    checks = [
        check["exp_samples"]
        for test in read(PROMETHEUS / "rules_test.yml")["tests"]
        for check in test.get("promql_expr_test", [])
        if f'alertname="{alert}"' in check["expr"]
    ]
    assert [] in checks
    assert [{"labels": "{}", "value": 1}] in checks
    assert ALERTS[alert]["annotations"]["runbook"] == f"docs/runbook.md#{alert.lower()}"
    assert ALERTS[alert]["labels"]["severity"] in ("page", "ticket")
    section = RUNBOOK[alert]
    told = set(re.findall(r"\*([A-Z].*?):\*", section))
    assert told in ({"Means", "Look", "Mend"}, {"Means", "Look, mend"})


def test_the_runbook_tells_of_no_alert_that_is_gone() -> None:
    assert set(RUNBOOK) == set(ALERTS)


def test_the_runbook_s_commands_are_there() -> None:
    text = "".join(RUNBOOK.values())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    composed = set(re.findall(r"docker compose exec (\w+)", text))
    assert composed
    assert composed <= set(parse()["services"])
    settings = (ROOT / "config.yml").read_text()
    assert all(name in settings for name in re.findall(r"`([A-Z]+_[A-Z_]+)[=`]", text))


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_a_query_names_metrics_that_are_exported(query: str) -> None:
    named = set(NAME.findall(re.sub(r'"[^"]*"', '""', query)))
    assert named
    assert named - OF_OTHERS - RECORDED <= exported()


def test_the_dashboard_s_queries_can_be_parsed(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(QUERIES)} rules found" in checked.stdout


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    sources = read(ROOT / "ops/grafana/provisioning/datasources/suite.yml")["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} <= {source["uid"] for source in sources}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
