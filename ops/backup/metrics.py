"""What Prometheus is told of backups on a schedule: when the newest was made, how often one is to be made.

The archives themselves are looked at whenever somebody asks. So nothing is noted anywhere: a restart forgets
nothing, a restore brings no old note back, and who makes backups needs no right to write one.

``python -m ops.backup.metrics FOLDER EVERY FILE`` writes it for node_exporter's textfile collector, where a
timer makes the backups and no process is there to be asked.
"""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common import clock
from ops.backup import schedule
from ops.backup.refusal import BackupError

LOOPBACK = "127.0.0.1"
_LARGEST_PORT = 65535


class Archives(Collector):
    """A folder of archives; 0 for the time of the newest where there is none."""

    def __init__(self, folder: Path, between: timedelta) -> None:
        self._folder, self._between = folder, between

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Look now."""
        newest = schedule.newest(self._folder, clock.now())
        yield GaugeMetricFamily(
            "suite_backup_last_success_timestamp_seconds",
            "When the newest whole backup was made; 0 if there is none.",
            schedule.moment(newest).timestamp() if newest else 0,
        )
        yield GaugeMetricFamily(
            "suite_backup_interval_seconds",
            "The time between two backups, as it is set.",
            self._between.total_seconds(),
        )
        yield GaugeMetricFamily(
            "suite_backup_size_bytes",
            "The size of the newest backup.",
            newest.stat().st_size if newest else 0,
        )


def registry(folder: Path, between: timedelta) -> CollectorRegistry:
    """With these metrics alone."""
    made = CollectorRegistry()
    made.register(Archives(folder, between))
    return made


def place(text: str) -> tuple[str, int]:
    """The address and the port of ``3008`` or ``0.0.0.0:3008``; BackupError for what is neither."""
    host, _, port = text.rpartition(":")
    if not (port.isdecimal() and port.isascii() and 1 <= int(port) <= _LARGEST_PORT):
        raise BackupError(f"METRICS is {text!r}: write a port, such as 3008, or 0.0.0.0:3008.")
    return host.strip("[]") or LOOPBACK, int(port)


def serve(where: tuple[str, int], folder: Path, between: timedelta) -> None:
    """Answer at ``/metrics`` from now on, in threads that end with the process."""
    host, port = where
    try:
        start_http_server(port, host, registry=registry(folder, between))
    except OSError as problem:
        raise BackupError(f"METRICS: {host}:{port} can't be used: {problem.strerror}.") from problem


if __name__ == "__main__":
    write_to_textfile(sys.argv[3], registry(Path(sys.argv[1]), clock.parse_duration(sys.argv[2])))
