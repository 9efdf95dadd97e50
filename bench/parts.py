"""The figures that are measured beside the rounds, in words."""

from collections.abc import Iterator
from typing import Any

KNOWN = {
    "bcrypt_per_second": ("bcrypt alone, cost 12, on all cores", "/s", 1),
    "events_per_second": ("events from outbox to ledger and out", "/s", 0),
    "mails_per_second": ("mails of a backlog, from queue to mail server", "/s", 0),
    "mail_ms": ("a mail from commit to SMTP, idle, median", " ms", 1),
    "mail_p99_ms": ("the same, p99", " ms", 1),
    "memory_mib": ("resident memory of the largest process, after the load", " MiB", 0),
    "idle_percent": ("CPU of the six idle processes, of one core", " %", 1),
    "idle_broker_percent": ("RabbitMQ's meanwhile, for both sides", " %", 1),
}


def lines(extras: dict[str, Any]) -> list[tuple[str, str]]:
    """A line for each figure that is there."""
    found = [
        (title, f"{extras[name]:.{decimals}f}{unit}")
        for name, (title, unit, decimals) in KNOWN.items()
        if name in extras
    ]
    if "memory" in extras:
        each = ", ".join(f"{name} {value:.0f}" for name, value in extras["memory"].items())
        found.append(("resident memory, MiB", each))
    return [*found, *_outbox(extras.get("outbox", {}))]


def _outbox(stores: dict[str, dict[str, dict[str, float]]]) -> Iterator[tuple[str, str]]:
    for store, ways in stores.items():
        for way, one in ways.items():
            yield f"{store}: {way}", f"{one['ms']:.2f} ms, {one['ratio']:.2f} times"
