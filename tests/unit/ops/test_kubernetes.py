"""The manifests: what Kubernetes' schemas allow, what their references lead to, what the processes read."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from nameko.cli.run import import_service

from common import config as settings
from common import topology
from ops.backup.__main__ import parser
from ops.backup.place import number_to_keep
from ops.rights import BACKUP as USER
from ops.serve import SERVICES
from tests.certificates import make_pair
from tests.unit.ops.compose_file import KNOWN
from tests.unit.ops.kinds import OLDEST
from tests.unit.ops.kubernetes_files import FOLDER, Resource, named, of_kind, process_of, read, render

CUSTOM = re.compile(r"(rabbitmq\.com|cnpg\.io|mongodb\.com|cert-manager\.io|keda\.sh|coreos\.com)/")
AUTHORITIES = "/etc/suite/authorities"
ALL = render("production")
DEPLOYMENTS = {one["metadata"]["name"]: one for one in of_kind(ALL, "Deployment")}
BACKUP = named(ALL, "CronJob", "backup")["spec"]["jobTemplate"]
PODS = DEPLOYMENTS | {"backup": BACKUP}
MIGRATE = DEPLOYMENTS["users"]["spec"]["template"]["spec"]["initContainers"][0]
FROM_OPERATORS = {
    "postgresql-app": {"username", "password"}, "postgresql-ca": {"ca.crt"},
    "rabbitmq-tls": {"ca.crt"}, "mongodb-tls": {"ca.crt"},
    **{f"mongodb-{name}": {"connectionString.standard"}
       for name in ("gateway", "todos", "messaging", "notifications", "backup")},
}  # fmt: skip
"""The Secrets that cert-manager and the engines' operators make, and the keys in them."""
EXAMPLES = {one["metadata"]["name"]: one["stringData"] for one in read(FOLDER / "secrets.example.yaml")}
BY_HAND = {name: set(told) for name, told in EXAMPLES.items()}


def labels(deployment: Resource) -> dict[str, str]:
    found: dict[str, str] = deployment["spec"]["template"]["metadata"]["labels"]
    return found


def walk(node: Any) -> list[dict[str, Any]]:
    """Every mapping inside."""
    if isinstance(node, list):
        return [found for one in node for found in walk(one)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for one in node.values() for found in walk(one))]


@pytest.mark.parametrize("folder", ["base", "production"])
def test_kubernetes_own_kinds_are_as_its_schemas_say(folder: str) -> None:
    checked = [one for one in render(folder) if not CUSTOM.search(one["apiVersion"])]
    assert len(checked) > 25
    for resource in checked:
        kubernetes_validate.validate(resource, OLDEST, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="this machine has no kubectl")
def test_kubectl_renders_what_these_tests_look_at(tmp_path: Path) -> None:
    rendered = tmp_path / "all.yaml"
    command = ["kubectl", "kustomize", str(FOLDER / "production")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rendered.write_text(done.stdout.replace("registry.example.org/todo-suite:0.1.0", "todo-suite"))
    theirs = {(one["kind"], one["metadata"]["name"]): one for one in read(rendered)}
    theirs["Namespace", "todo-suite"]["metadata"]["namespace"] = "todo-suite"  # which has none, of course
    assert theirs == {(one["kind"], one["metadata"]["name"]): one for one in ALL}


def test_every_name_is_used_once() -> None:
    names = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in ALL]
    assert len(set(names)) == len(names)
    assert {one["metadata"]["namespace"] for one in ALL} == {"todo-suite"}


def test_there_is_a_deployment_for_each_process_on_its_port(config: settings.Config) -> None:
    assert set(DEPLOYMENTS) == set(SERVICES)
    usual = settings.load()["HTTP"]["ports"]
    for name, deployment in DEPLOYMENTS.items():
        process = process_of(deployment)
        assert process["args"] == [name]
        assert process["ports"] == [{"name": "http", "containerPort": usual[name]}]
        (port,) = named(ALL, "Service", name)["spec"]["ports"]
        assert (port["port"], port["targetPort"]) == (usual[name], "http")


def test_what_selects_pods_selects_those_of_one_process() -> None:
    for name, deployment in DEPLOYMENTS.items():
        selectors = [
            deployment["spec"]["selector"]["matchLabels"],
            named(ALL, "Service", name)["spec"]["selector"],
            named(ALL, "PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"],
        ]
        for selector in selectors:
            fitting = [one for one, other in DEPLOYMENTS.items() if selector.items() <= labels(other).items()]
            assert fitting == [name]


def test_every_process_is_scaled_by_something() -> None:
    by_cpu = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(ALL, "HorizontalPodAutoscaler")}
    by_queue = {one["spec"]["scaleTargetRef"]["name"] for one in of_kind(ALL, "ScaledObject")}
    assert by_cpu == {"gateway", "auth", "users", "todos"}
    assert by_queue == {"messaging", "notifications"}
    assert [name for name, one in DEPLOYMENTS.items() if "replicas" in one["spec"]] == []


@pytest.mark.parametrize("name", ["messaging", "notifications"])
def test_the_queues_that_scale_a_process_are_those_that_it_consumes(
    name: str, config: settings.Config
) -> None:
    (trigger,) = named(ALL, "ScaledObject", name)["spec"]["triggers"]
    pattern, is_regex = trigger["metadata"]["queueName"], trigger["metadata"]["useRegex"] == "true"
    known = {one.name for one in topology.everything(config)}
    found = {one for one in known if (re.search(pattern, one) if is_regex else pattern == one)}
    assert found == {one for one in known if f"--{name}." in one}
    assert found
    assert named(ALL, "TriggerAuthentication", trigger["authenticationRef"]["name"])


def test_every_secret_and_key_is_made_by_an_operator_or_listed_for_the_reader() -> None:
    known = {**BY_HAND, **FROM_OPERATORS}
    references = [one["secretKeyRef"] for one in walk(list(PODS.values())) if "secretKeyRef" in one]
    references += [
        ref for one in of_kind(ALL, "TriggerAuthentication") for ref in one["spec"]["secretTargetRef"]
    ]
    sources = [one["secret"] for one in walk(list(PODS.values())) if "items" in one.get("secret", {})]
    wanted = [(one["name"], one["key"]) for one in references]
    wanted += [(one["name"], item["key"]) for one in sources for item in one["items"]]
    passwords = [one["passwordSecretRef"]["name"] for one in walk(ALL) if "passwordSecretRef" in one]
    wanted += [(name, "password") for name in passwords]
    assert [one for one in wanted if one[1] not in known.get(one[0], ())] == []
    used = {name for name, _ in wanted}
    assert set(BY_HAND) - used == set(), "these are asked for and not used"


def test_no_secret_stands_in_the_files() -> None:
    assert of_kind(ALL, "Secret") == []
    processes = [MIGRATE, *map(process_of, PODS.values())]
    for variable in (one for process in processes for one in process["env"]):
        if re.search(r"PASS|SECRET", variable["name"]):
            assert "valueFrom" in variable or variable["value"] == "not-given-to-this-process"


@pytest.mark.parametrize("name", [*PODS, "migrate"])
def test_a_process_is_told_only_what_it_knows_and_can_start_with(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = _environment(MIGRATE if name == "migrate" else process_of(PODS[name]))
    asides = set(re.findall(r"\$\((\w+)\)", " ".join(told.values())))
    assert set(told) - asides <= KNOWN
    for variable in KNOWN:
        monkeypatch.delenv(variable, raising=False)
    authority = str(make_pair(tmp_path).certificate)
    for variable, value in told.items():
        filled = re.sub(r"\$\((\w+)\)", lambda match: told[match[1]], value)
        monkeypatch.setenv(variable, re.sub(rf"{AUTHORITIES}/\w+\.crt", authority, filled))
    config = settings.load()
    assert settings.validate(config) == []
    assert config["ENV"] == "production"
    assert config["AMQP_SSL"]["server_hostname"] == "rabbitmq"


def test_the_authorities_lie_where_the_settings_say() -> None:
    sources, theirs = (
        _volume(PODS[name], "authorities")["projected"]["sources"] for name in ("users", "backup")
    )
    assert sources == theirs
    projected = {f"{AUTHORITIES}/{item['path']}" for source in sources for item in source["secret"]["items"]}
    text = "\n".join(path.read_text() for path in FOLDER.glob("*/*.yaml"))
    assert set(re.findall(rf"{AUTHORITIES}/\w+\.\w+", text)) == projected


@pytest.mark.parametrize("name", PODS)
def test_a_process_has_no_rights_and_a_file_system_that_it_can_not_change(name: str) -> None:
    pod, process = PODS[name]["spec"]["template"]["spec"], process_of(PODS[name])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert process["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert str(pod["securityContext"]["runAsUser"]) in (FOLDER.parents[1] / "Dockerfile").read_text()
    for container in (process, MIGRATE):
        assert container["securityContext"] == process["securityContext"]
        assert {"requests", "limits"} <= set(container["resources"])


@pytest.mark.parametrize("name", SERVICES)
def test_the_probes_ask_addresses_that_the_process_has(name: str) -> None:
    process = process_of(DEPLOYMENTS[name])
    probes = {
        probe: process[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")
    }
    ready = "/health/live" if name == "gateway" else "/health/ready"
    assert probes == {"startup": "/health/live", "liveness": "/health/live", "readiness": ready}
    assert set(probes.values()) <= _addresses(SERVICES[name])


def test_the_gateway_alone_is_reached_from_outside() -> None:
    backends = [one["service"] for one in walk(of_kind(ALL, "Ingress")) if "service" in one]
    assert backends == [{"name": "gateway", "port": {"name": "http"}}]
    assert {one["spec"].get("type", "ClusterIP") for one in of_kind(ALL, "Service")} == {"ClusterIP"}


def test_nothing_goes_in_or_out_that_no_policy_names() -> None:
    fence = named(ALL, "NetworkPolicy", "nothing-else")["spec"]
    assert set(fence) == {"podSelector", "policyTypes"}
    assert fence["policyTypes"] == ["Ingress", "Egress"]
    for deployment in PODS.values():
        assert fence["podSelector"]["matchLabels"].items() <= labels(deployment).items()


@pytest.mark.parametrize(
    ("engine", "port", "who"),
    [
        ({"app.kubernetes.io/name": "rabbitmq"}, 5671, set(PODS)),
        ({"app.kubernetes.io/name": "rabbitmq"}, 15671, {"messaging", "backup"}),
        ({"cnpg.io/cluster": "postgresql"}, 5432, {"users", "backup"}),
        ({"app": "mongodb-svc"}, 27017, {"gateway", "todos", "messaging", "notifications", "backup"}),
    ],
)
def test_an_engine_is_reached_by_who_uses_it_and_by_nobody_else(
    engine: dict[str, str], port: int, who: set[str]
) -> None:
    policies = [one["spec"] for one in of_kind(ALL, "NetworkPolicy")]
    out = {
        name
        for name, deployment in PODS.items()
        for policy in policies
        for rule in policy.get("egress", [])
        if selects(policy["podSelector"], labels(deployment)) and _lets(rule, "to", engine, port)
    }
    into = {
        name
        for name, deployment in PODS.items()
        for policy in policies
        for rule in policy.get("ingress", [])
        if selects(policy["podSelector"], engine) and _lets(rule, "from", labels(deployment), port)
    }
    assert out == into == who


def test_the_backup_s_command_is_what_the_module_takes_and_writes_to_the_volume() -> None:
    process = process_of(BACKUP)
    assert process["command"] == ["python", "-m", "ops.backup"]
    options = parser().parse_args(process["args"])
    assert (options.to, number_to_keep(options.keep), options.every) == ("/data/", 14, "")
    assert {"name": "data", "mountPath": "/data"} in process["volumeMounts"]
    claim = _volume(BACKUP, "data")["persistentVolumeClaim"]["claimName"]
    assert named(ALL, "PersistentVolumeClaim", claim)
    told = {one["name"]: one.get("value", "") for one in process["env"]}
    assert told["RABBITMQ_URL"].startswith(f"amqps://{USER}:")


def _addresses(path: str) -> set[str]:
    """Those that a service's class answers at."""
    (service,) = import_service(path)
    methods = [getattr(service, name) for name in dir(service)]
    entrypoints = [one for method in methods for one in getattr(method, "nameko_entrypoints", ())]
    return {one.url for one in entrypoints if hasattr(one, "url")}


def selects(selector: Resource, those: dict[str, str]) -> bool:
    listed = selector.get("matchExpressions", [])
    return selector.get("matchLabels", {}).items() <= those.items() and all(
        those.get(one["key"]) in one["values"] for one in listed
    )


def _lets(rule: Resource, side: str, those: dict[str, str], port: int) -> bool:
    peers = [one["podSelector"] for one in rule[side] if "podSelector" in one]
    return any(selects(one, those) for one in peers) and port in [one["port"] for one in rule["ports"]]


def _volume(deployment: Resource, name: str) -> Resource:
    (found,) = [one for one in deployment["spec"]["template"]["spec"]["volumes"] if one["name"] == name]
    volume: Resource = found
    return volume


def _environment(process: Resource) -> dict[str, str]:
    """What the process finds in its environment; a Secret's key holds something that fits."""
    told = dict(named(ALL, "ConfigMap", process["envFrom"][0]["configMapRef"]["name"])["data"])
    for one in process["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef")
        told[one["name"]] = _secret(**reference) if reference else one["value"]
    return told


def _secret(name: str, key: str, optional: bool = False) -> str:
    if key == "connectionString.standard":
        return f"mongodb://u:p@mongodb-svc:27017/?replicaSet=mongodb&ssl=true&tlsCAFile={AUTHORITIES}/mongodb.crt"
    fitting = {"email": "admin@example.org", "since": "2026-11-22", "headers": "authorization=Bearer abc"}
    return fitting.get(key) or "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF"
