"""``python -m ops.prometheus_rule``: the alerts of `rules.yml` as Prometheus' operator takes them."""

import json
from pathlib import Path
from typing import Any

import yaml

_RULES = Path(__file__).parent / "prometheus" / "rules.yml"


def prometheus_rule() -> dict[str, Any]:
    """The resource, for the namespace that the suite runs in."""
    # Not by yaml.safe_load, which Nameko teaches to replace `${NAME}`.
    groups = yaml.load(_RULES.read_text(), Loader=yaml.CSafeLoader)["groups"]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "todo-suite", "namespace": "todo-suite"},
        "spec": {"groups": groups},
    }


if __name__ == "__main__":
    print(json.dumps(prometheus_rule(), indent=2))
