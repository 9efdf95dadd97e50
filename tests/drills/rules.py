"""The shipped rules and the shipped configuration of Prometheus, with the time in them made shorter.

A drill can't wait for hours. It reads the files that are shipped, so that these are what it proves, and
shortens the durations of ``for``, those of windows, and the thresholds of what counts seconds of waiting.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.suite import ROOT

SHIPPED = ROOT / "ops/prometheus"
TIMES_FASTER = 30
"""A minute of the rules is two seconds of a drill."""
SCRAPE = "1s"
_MILLISECONDS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WINDOW = re.compile(r"\[(\d+)([smhd])\]")
_WAITED = re.compile(r"(suite_(?:outbox_oldest|oldest_message|queue_waiting)_seconds\) > )(\d+)")
_TARGETS = {name: f"{name}.json" for name in ("suite", "rabbitmq", "backup")}


def shorter(number: str, unit: str) -> str:
    """A duration of Prometheus', so many times shorter."""
    return f"{int(number) * _MILLISECONDS[unit] // TIMES_FASTER}ms"


def shortened(expression: str) -> str:
    """An expression with its windows and its thresholds of waiting shortened."""
    windows = _WINDOW.sub(lambda found: f"[{shorter(*found.groups())}]", expression)
    return _WAITED.sub(lambda found: f"{found[1]}{int(found[2]) / TIMES_FASTER:g}", windows)


def shortened_rules(rules: dict[str, Any]) -> dict[str, Any]:
    """All groups, each rule as it is but for its time."""
    return {
        "groups": [group | {"rules": [_rule(one) for one in group["rules"]]} for group in rules["groups"]]
    }


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    made = rule | {"expr": shortened(rule["expr"])}
    if "for" in rule:
        made["for"] = shorter(rule["for"][:-1], rule["for"][-1])
    return made


def local_configuration(shipped: dict[str, Any]) -> dict[str, Any]:
    """The shipped configuration, which finds its targets in files here, not in a name server."""
    jobs = []
    for job in shipped["scrape_configs"]:
        kept = {name: value for name, value in job.items() if name != "dns_sd_configs"}
        files = [{"files": [_TARGETS[job["job_name"]]], "refresh_interval": "1s"}]
        jobs.append(kept | {"file_sd_configs": files})
    intervals = {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE}
    return shipped | {"global": shipped["global"] | intervals, "scrape_configs": jobs}


def write(directory: Path) -> Path:
    """Both files into the directory; the configuration's path."""
    for name, change in (("rules.yml", shortened_rules), ("prometheus.yml", local_configuration)):
        (directory / name).write_text(yaml.dump(change(read(SHIPPED / name)), sort_keys=False))
    return directory / "prometheus.yml"


def read(path: Path) -> Any:
    """A file in YAML; not by safe_load, which Nameko teaches to replace `${NAME}`."""
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)


def alerts() -> list[str]:
    """The names of all alerts that are shipped."""
    groups = read(SHIPPED / "rules.yml")["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule]
