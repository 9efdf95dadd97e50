"""ops/observability.yml: started on demand, pinned, open to this machine alone, with files that there are."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from common import config as settings
from tests.unit.ops.compose_file import PROCESSES, ROOT, interpolate, parse

FILE = ROOT / "ops/observability.yml"
COMPOSE: dict[str, Any] = yaml.load(FILE.read_text(), Loader=yaml.CSafeLoader)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_it_is_valid_and_part_of_the_suite_s_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert parse()["include"] == ["ops/observability.yml"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_starts_on_demand_pinned_and_with_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["profiles"] == ["observability"]
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])
    assert service["cap_drop"] == ["ALL"]
    assert all(interpolate(port, {}).startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_there(name: str) -> None:
    for source, *_ in (volume.split(":") for volume in SERVICES[name].get("volumes", [])):
        assert (
            source in COMPOSE["volumes"] or source.startswith("/var/run/") or (FILE.parent / source).exists()
        )


def test_prometheus_asks_every_process_on_its_port() -> None:
    scraped = yaml.load((ROOT / "ops/prometheus/prometheus.yml").read_text(), Loader=yaml.CSafeLoader)
    asked = scraped["scrape_configs"][0]["dns_sd_configs"]
    ports = settings.load()["HTTP"]["ports"]
    assert {one["names"][0]: one["port"] for one in asked} == {name: ports[name] for name in PROCESSES}
