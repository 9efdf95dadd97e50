"""ops/kubernetes as `kubectl kustomize` would render it, as far as these files use that."""

from pathlib import Path
from typing import Any

import yaml

from tests.unit.ops.compose_file import ROOT

FOLDER = ROOT / "ops" / "kubernetes"
_KEYS = {"env": "name", "containers": "name", "volumes": "name", "volumeMounts": "mountPath"}
"""Lists whose items a patch finds by this field; any other list it replaces."""
Resource = dict[str, Any]


def read(path: Path) -> list[Resource]:
    """The documents of a file. Not by yaml.safe_load, which Nameko teaches to replace `${NAME}`."""
    return [one for one in yaml.load_all(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) if one]


def render(folder: str) -> list[Resource]:
    """Every resource of base or production, with the patches laid over it; of a component its own."""
    here = FOLDER / folder
    (plan,) = read(here / "kustomization.yaml")
    found: list[Resource] = []
    for name in plan["resources"]:
        found += render(str((here / name).resolve())) if (here / name).is_dir() else read(here / name)
    for patch in plan.get("patches", []):
        (change,) = read(here / patch["path"])
        for resource in (targets := _targets(found, patch, change)):
            _lay_over(resource, change)
        assert targets, f"{patch['path']} fits nothing"
    for resource in found:
        resource["metadata"].setdefault("namespace", plan.get("namespace", "todo-suite"))
    return found


def of_kind(resources: list[Resource], kind: str) -> list[Resource]:
    """Those of one kind."""
    return [one for one in resources if one["kind"] == kind]


def named(resources: list[Resource], kind: str, name: str) -> Resource:
    """The one of that kind and name."""
    (found,) = [one for one in of_kind(resources, kind) if one["metadata"]["name"] == name]
    return found


def process_of(deployment: Resource) -> Resource:
    """The only container of a Deployment."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    found: Resource = container
    return found


def _targets(found: list[Resource], patch: Resource, change: Resource) -> list[Resource]:
    if "target" in patch:
        change["metadata"].pop("name")
        return of_kind(found, patch["target"]["kind"])
    return [one for one in of_kind(found, change["kind"]) if _name(one) == _name(change)]


def _name(resource: Resource) -> str:
    return str(resource["metadata"]["name"])


def _lay_over(under: Resource, over: Resource) -> None:
    """A strategic merge; what the target says for itself in a list of the patch's is kept."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(under.get(key), dict):
            _lay_over(under[key], value)
        elif key in _KEYS and key in under:
            _merge_lists(under[key], value, _KEYS[key])
        else:
            under[key] = _copy(value)


def _merge_lists(under: list[Resource], over: list[Resource], key: str) -> None:
    there = {one[key]: one for one in under}
    for item in reversed(over):
        if item[key] in there:
            _lay_over(there[item[key]], item)
        else:
            under.insert(0, _copy(item))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value
