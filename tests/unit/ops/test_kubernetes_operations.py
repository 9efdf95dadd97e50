"""The manifests by night: whose logins may do what, what may go away at a time, and who is told of it."""

import re

import pytest

from ops.prometheus_rule import prometheus_rule
from tests.unit.ops.kubernetes_files import named, of_kind, process_of, render
from tests.unit.ops.test_alerts import ALERTS
from tests.unit.ops.test_kubernetes import ALL, DEPLOYMENTS, EXAMPLES, MIGRATE, PODS, labels, selects, walk


def test_the_tables_owner_migrates_and_nobody_else_has_that_login() -> None:
    assert MIGRATE["command"] == ["python", "-m", "ops.migrate"]
    logins = {
        name: {one["secretKeyRef"]["name"] for one in walk(container["env"]) if "secretKeyRef" in one}
        for name, container in [("migrate", MIGRATE), *((name, process_of(PODS[name])) for name in PODS)]
    }
    assert [name for name, used in logins.items() if "postgresql-app" in used] == ["migrate"]
    roles = {one["passwordSecret"]["name"]: one["name"] for one in walk(ALL) if "passwordSecret" in one}
    for name, secret in (("users", "postgresql-serving"), ("backup", "postgresql-backup")):
        assert secret in logins[name]
        assert EXAMPLES[secret]["username"] == roles[secret]


@pytest.mark.parametrize("engine", ["rabbitmq", "mongodb"])
def test_nodes_are_emptied_one_at_a_time_where_an_operator_does_not_see_to_it(engine: str) -> None:
    budget = named(ALL, "PodDisruptionBudget", engine)["spec"]
    policy = named(ALL, "NetworkPolicy", engine)["spec"]
    assert budget == {"maxUnavailable": 1, "selector": policy["podSelector"]}


def test_prometheus_gets_the_labels_that_the_rules_speak_of_and_the_rules() -> None:
    scrapes = {one["metadata"]["name"]: one["spec"] for one in render("monitoring")}
    for job, pods in (("suite", list(DEPLOYMENTS.values())), ("rabbitmq", [])):
        (endpoint,) = scrapes[job]["podMetricsEndpoints"]
        assert {"targetLabel": "job", "replacement": job} in endpoint["relabelings"]
        for pod in pods:
            assert selects(scrapes[job]["selector"], labels(pod))
            assert endpoint["port"] in [one["name"] for one in process_of(pod)["ports"]]
    rule = prometheus_rule()
    assert {one["alert"] for one in walk(rule) if "alert" in one} == set(ALERTS)


def test_the_alert_of_backups_is_about_the_cronjob_that_makes_one_a_day() -> None:
    job = named(ALL, "CronJob", "backup")
    about = job["metadata"]
    (minute, hour, *days) = job["spec"]["schedule"].split()
    told = f'{{namespace="{about["namespace"]}", cronjob="{about["name"]}"}}[30d]'
    expression = ALERTS["BackupOld"]["expr"]
    assert re.findall(r"kube_\w+(.*?\])", expression) == [told] * 2
    assert "2 * 86400 + " in expression
    assert (minute + hour).isdecimal()
    assert days == ["*"] * 3


def test_spans_get_out_and_scrapes_get_in_from_one_namespace() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(ALL, "NetworkPolicy")}
    (out,), (into,) = policies["to-collector"]["egress"], policies["metrics"]["ingress"]
    assert out["to"] == into["from"]
    assert out["ports"] == [{"port": 4318}]
