"""The kinds of the operators, offline: what their definitions allow, and what the definitions do not say."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ops.prometheus_rule import prometheus_rule
from tests.unit.ops.kinds import EXCERPTS, MODELS, faults
from tests.unit.ops.kubernetes_files import Resource, named, of_kind, render
from tests.unit.ops.test_kubernetes import ALL, CUSTOM

THEIRS = [one for one in (*ALL, *render("monitoring"), prometheus_rule()) if CUSTOM.search(one["apiVersion"])]
ANY_NAME = {
    "additionalConnectionStringConfig", "additionalMongodConfig", "annotations", "labels", "limits",
    "matchLabels", "metadata", "parameters", "requests",
}  # fmt: skip
"""Mappings that take fields of any name, or whose own fields may be of any."""
OF_THE_TRIGGER = {"queueName", "mode", "value", "host", "protocol", "useRegex", "operation", "pageSize"}
OF_THE_AUTHENTICATION = {"host", "username", "password", "ca", "cert", "key", "tls"}
"""What KEDA's scaler for RabbitMQ looks for in which place. It passes over any other name without a word."""


def name_of(resource: Resource) -> str:
    return f"{resource['kind']}-{resource['metadata']['name']}"


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping inside that has fields of its kind's own."""
    if isinstance(node, list):
        for one in node:
            yield from mappings(one)
    if isinstance(node, dict):
        yield node
        for key in node.keys() - ANY_NAME:
            yield from mappings(node[key])


@pytest.mark.parametrize("resource", THEIRS, ids=name_of)
def test_a_resource_is_as_its_operator_s_definition_says(resource: Resource) -> None:
    assert faults(resource) == []


@pytest.mark.parametrize("resource", THEIRS, ids=name_of)
def test_a_field_that_the_definition_does_not_know_is_refused_wherever_it_stands(resource: Resource) -> None:
    changed = deepcopy(resource)
    for place in list(mappings(changed["spec"])):
        place["notKnown"] = "x"
        assert "notKnown" in "".join(faults(changed)), place
        del place["notKnown"]
    assert faults(changed) == []


def test_a_value_that_the_definition_does_not_allow_is_refused() -> None:
    scaled = deepcopy(of_kind(ALL, "ScaledObject")[0])
    scaled["spec"]["minReplicaCount"] = "two"
    cluster = deepcopy(named(ALL, "Cluster", "postgresql"))
    cluster["spec"]["affinity"]["podAntiAffinityType"] = "always"
    assert faults(scaled)
    assert faults(cluster)


def test_each_operator_has_a_definition_here_and_each_definition_a_resource() -> None:
    assert {one["apiVersion"] for one in THEIRS} == {*MODELS, *EXCERPTS}


def test_the_scaler_is_told_each_thing_where_it_looks_for_it() -> None:
    references = named(ALL, "TriggerAuthentication", "broker")["spec"]
    given = {one["parameter"] for kind in references.values() for one in kind}
    assert given <= OF_THE_AUTHENTICATION
    assert {"host", "ca", "tls"} <= given, "without tls the authority is not read"
    for one in references["configMapTargetRef"]:
        assert named(ALL, "ConfigMap", one["name"])["data"][one["key"]] == "enable"
    for scaled in of_kind(ALL, "ScaledObject"):
        (trigger,) = scaled["spec"]["triggers"]
        assert set(trigger["metadata"]) <= OF_THE_TRIGGER


def test_the_broker_is_given_options_that_it_knows() -> None:
    pattern = "rabbitmq_server-*/plugins/rabbit-*/priv/schema/rabbit.schema"
    schemas = list(Path("/usr/lib/rabbitmq/lib").glob(pattern))
    if not schemas:
        pytest.skip("no RabbitMQ of Debian's is installed here")
    known = re.findall(r'\{mapping,\s*"([^"]+)"', schemas[0].read_text(encoding="utf-8"))
    fitting = re.compile("|".join(re.sub(r"\\\$\w+", "[^.]+", re.escape(one)) for one in known))
    told = named(ALL, "RabbitmqCluster", "rabbitmq")["spec"]["rabbitmq"]["additionalConfig"]
    names = [line.split(" = ")[0] for line in told.splitlines()]
    assert names
    assert [one for one in names if not fitting.fullmatch(one)] == []
