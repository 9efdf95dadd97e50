"""Drills that break the making of backups."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ops.engines.ports import LOOPBACK, free_port
from tests.drills.site import Site
from tests.suite import ROOT

LAST, INTERVAL = "suite_backup_last_success_timestamp_seconds", "max(suite_backup_interval_seconds)"
DAY = 86_400


@contextmanager
def backups_stopped(site: Site) -> Iterator[None]:
    """Who makes a backup every ten seconds ends; it starts again, and then there is time until tomorrow."""
    with _scheduled(site, "10s"):
        site.until(lambda: site.prometheus.value(LAST) > 0)
    yield
    with _scheduled(site, "10s"):
        site.prometheus.wait_silent(["BackupOld"])
    with _scheduled(site, "24h"):
        site.until(lambda: site.prometheus.value(INTERVAL) == DAY)


@contextmanager
def _scheduled(site: Site, every: str) -> Iterator[None]:
    port, folder = free_port(), site.suite.directory / "backups"
    folder.mkdir(exist_ok=True)
    settings = site.suite.environment | {"RABBITMQ_MANAGEMENT_URL": site.rabbitmq.management_url}
    command = [sys.executable, "-W", "ignore", "-m", "ops.backup", "--to", f"{folder}/", "--every", every]
    command += ["--settle", "0.5", "--metrics", str(port)]
    with open(site.suite.log_file("backup"), "ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=log)
    site.prometheus.ask_these("backup", [{"__address__": f"{LOOPBACK}:{port}"}])
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
