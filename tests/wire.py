"""What processes say to each other: the fields of events, and the arguments of methods.

``python -m tests.wire > tests/wire_before.json`` at a release keeps it for the version after.
"""

import inspect
import json
from importlib import import_module
from typing import Any

from common import events
from ops.serve import SERVICES

Wire = dict[str, dict[str, Any]]


def wire() -> Wire:
    """``{events: {name: {fields, optional}}, methods: {service.method: {required, optional}}}``."""
    told = {
        f"{event.source}.{event.name}": {"fields": list(event.fields), "optional": list(event.optional)}
        for event in events.ALL
    }
    return {
        "events": told,
        "methods": dict(one for path in SERVICES.values() for one in _methods(path)),
    }


def _methods(path: str) -> list[tuple[str, dict[str, list[str]]]]:
    module, _, name = path.partition(":")
    service = getattr(import_module(module), name)
    found = inspect.getmembers(service, lambda one: any(map(_is_rpc, getattr(one, "nameko_entrypoints", ()))))
    return [(f"{service.name}.{name}", _arguments(method)) for name, method in found]


def _is_rpc(entrypoint: Any) -> bool:
    return type(entrypoint).__name__ == "RpcEntrypoint"


def _arguments(method: Any) -> dict[str, list[str]]:
    known = [one for one in inspect.signature(method).parameters.values() if one.name != "self"]
    required = [one.name for one in known if one.default is inspect.Parameter.empty]
    return {"required": required, "optional": [one.name for one in known if one.name not in required]}


def breaks(before: Wire, now: Wire) -> list[str]:
    """What a process of the version before would miss in this one, or would not be forgiven by it."""
    found = []
    for name, event in before["events"].items():
        today = now["events"].get(name, {"fields": [], "optional": []})
        gone = set(event["fields"]) - set(today["fields"])
        found += [f"{name} has no {field} for sure" for field in sorted(gone)]
        found += [f"{name} wants {field}" for field in sorted(set(today["fields"]) - set(event["fields"]))]
    for name, method in before["methods"].items():
        today = now["methods"].get(name)
        if today is None:
            found.append(f"{name} is gone")
            continue
        gone = {*method["required"], *method["optional"]} - {*today["required"], *today["optional"]}
        found += [f"{name} does not take {argument}" for argument in sorted(gone)]
        wanted = set(today["required"]) - set(method["required"])
        found += [f"{name} wants {argument}" for argument in sorted(wanted)]
    return found


def text(told: Wire) -> str:
    """A line for each event and method."""
    parts = [
        f'"{kind}": {{\n'
        + ",\n".join(f" {json.dumps(name)}: {json.dumps(one)}" for name, one in sorted(named.items()))
        for kind, named in told.items()
    ]
    return "{" + "\n},\n".join(parts) + "\n}}"


if __name__ == "__main__":
    print(text(wire()))
