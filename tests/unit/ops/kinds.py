"""What the operators' definitions say of a resource: by the models that packages bring, or by kinds.yaml."""

import json
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.unit.ops.kubernetes_files import Resource

OLDEST = "1.32"
"""The Kubernetes whose schemas are held against the files."""
MODELS = {
    "cert-manager.io/v1": "cloudcoil.models.cert_manager.v1",
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
}
EXCERPTS = {
    "rabbitmq.com/v1beta1": "RabbitmqCluster",
    "postgresql.cnpg.io/v1": "Cluster",
    "mongodbcommunity.mongodb.com/v1": "MongoDBCommunity",
}


def faults(resource: Resource) -> list[str]:
    """Where the resource is not as its kind's definition allows, with each field that it does not know."""
    if resource["apiVersion"] in MODELS:
        return _by_model(resource)
    kind = EXCERPTS[resource["apiVersion"]]
    assert resource["kind"] == kind
    validator = Draft202012Validator(_whole(kind), registry=_registry())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(resource)]


def _by_model(resource: Resource) -> list[str]:
    """The models pass over fields that they do not know, so what comes out is held against what went in."""
    model = getattr(import_module(MODELS[resource["apiVersion"]]), resource["kind"])
    try:
        known = model.model_validate(resource).model_dump(by_alias=True, exclude_unset=True, mode="json")
    except ValidationError as error:
        return [str(error)]
    kept = _leaves(known)
    return [f"{path}: not known" for path, value in _leaves(resource).items() if kept.get(path) != value]


@cache
def _registry() -> "Registry[Any]":
    """kinds.yaml, and Kubernetes' own definitions that it refers to."""
    schemas = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    kubernetes = schemas / f"v{OLDEST}.0-local-strict" / "_definitions.json"
    documents = {
        "kubernetes": json.loads(kubernetes.read_text(encoding="utf-8")),
        "excerpts": yaml.load(Path(__file__).with_name("kinds.yaml").read_text(), Loader=yaml.CSafeLoader),
    }
    return Registry().with_resources(
        (name, DRAFT202012.create_resource(document)) for name, document in documents.items()
    )


def _whole(kind: str) -> Resource:
    """A resource of that kind: of what the kinds have in common, and its own `spec`."""
    metadata = {"$ref": "kubernetes#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    properties = {"apiVersion": True, "kind": True, "metadata": metadata}
    return {
        "properties": {**properties, "spec": {"$ref": f"excerpts#/$defs/{kind}"}},
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
    }


def _leaves(node: Any, path: str = "$") -> dict[str, Any]:
    """Every value by its path; an empty mapping or list counts as one."""
    if isinstance(node, dict) and node:
        pairs = [(f"{path}.{key}", value) for key, value in node.items()]
    elif isinstance(node, list) and node:
        pairs = [(f"{path}[{index}]", value) for index, value in enumerate(node)]
    else:
        return {path: node}
    return {key: value for inner, one in pairs for key, value in _leaves(one, inner).items()}
