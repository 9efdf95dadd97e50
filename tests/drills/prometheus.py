"""A real Prometheus with the shipped rules, on the loopback interface."""

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import eventlet
import requests

from ops.engines.ports import LOOPBACK
from ops.engines.process import Engine, EngineError
from tests.drills import rules
from tests.suite import ROOT

_LOOK_SECONDS = 0.25


class Prometheus(Engine):
    """Debian's program, from the PATH or where `make drills` has put it."""

    name = "prometheus"

    @property
    def url(self) -> str:
        """Its pages and its HTTP API."""
        return f"http://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the rules and the configuration."""
        rules.write(self.directory)

    def command(self) -> list[str]:
        """The server's command line."""
        program = shutil.which("prometheus") or str(ROOT / ".local/bin/prometheus")
        if not Path(program).exists():
            raise EngineError("Prometheus is not there: run `make drills`, or ops/install.sh --drills")
        return [
            *(program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"),
            f"--web.listen-address={LOOPBACK}:{self.port}",
        ]

    def is_ready(self) -> bool:
        """Whether it answers questions."""
        try:
            return requests.get(f"{self.url}/-/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def ask_these(self, job: str, targets: Iterable[dict[str, str]]) -> None:
        """Let a job scrape these: labels, and the address as `__address__`."""
        found = [
            {
                "targets": [labels["__address__"]],
                "labels": {k: v for k, v in labels.items() if k != "__address__"},
            }
            for labels in targets
        ]
        part = self.directory / f"{job}.json.part"
        part.write_text(json.dumps(found))
        part.rename(self.directory / f"{job}.json")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an expression now: `{metric, value}`."""
        answer = requests.get(f"{self.url}/api/v1/query", {"query": expression}, timeout=5).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float:
        """The only sample's value; not a number if there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else float("nan")

    def alerts(self) -> dict[str, str]:
        """The alerts that are not silent: `pending` or `firing`, by name."""
        found = requests.get(f"{self.url}/api/v1/alerts", timeout=5).json()["data"]["alerts"]
        firing = {one["labels"]["alertname"] for one in found if one["state"] == "firing"}
        return {
            name: "firing" if name in firing else "pending"
            for name in (one["labels"]["alertname"] for one in found)
        }

    def wait_firing(self, names: Iterable[str], seconds: float = 60) -> dict[str, float]:
        """Until each of them has fired, together or one after the other; after how many seconds it did."""
        wanted, began, fired = set(names), time.monotonic(), {}
        while wanted - fired.keys():
            now = time.monotonic() - began
            alerts = self.alerts()
            fired |= {name: now for name in wanted - fired.keys() if alerts.get(name) == "firing"}
            assert now < seconds, f"no {sorted(wanted - fired.keys())} in {seconds:g} s; there are {alerts}"
            eventlet.sleep(_LOOK_SECONDS)
        return fired

    def wait_silent(self, names: Iterable[str], seconds: float = 60) -> float:
        """Until none of them is pending or firing; after how many seconds that was."""
        wanted, began = set(names), time.monotonic()
        while wanted & self.alerts().keys():
            now = time.monotonic() - began
            assert now < seconds, f"still {sorted(wanted & self.alerts().keys())} after {seconds:g} s"
            eventlet.sleep(_LOOK_SECONDS)
        return time.monotonic() - began
