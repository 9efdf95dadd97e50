"""What `/metrics` shows: it parses, it is documented, and its numbers are those of what is looked at."""

import re
from datetime import timedelta
from typing import Any

import eventlet
import pytest
from eventlet.semaphore import Semaphore
from prometheus_client.parser import text_string_to_metric_families

from common import ages, metrics, vitals
from ops.backup.metrics import Archives
from tests.certificates import make_pair
from tests.suite import ROOT

NAMES = re.compile(r"`(suite_[a-z_]+)")


def shown() -> dict[str, Any]:
    """The families of a scrape by name; a counter's as its samples are named."""
    families = text_string_to_metric_families(metrics.exposition()[0].decode())
    return {f"{one.name}_total" if one.type == "counter" else one.name: one for one in families}


def value(name: str, **labels: str) -> float:
    """One number of a scrape."""
    samples = [one for family in shown().values() for one in family.samples if one.name == name]
    return float(next(one.value for one in samples if labels.items() <= one.labels.items()))


def test_every_metric_is_in_the_table_of_the_operations_and_no_other() -> None:
    documented = set(NAMES.findall((ROOT / "docs/operations.md").read_text().split("\n## Metrics\n")[1]))

    of_backups = {family.name for family in Archives(ROOT, timedelta(days=1)).collect()}
    assert {name for name in shown() if name.startswith("suite_")} | of_backups == documented


def test_the_process_and_its_memory_are_shown() -> None:
    assert value("process_resident_memory_bytes") > 1_000_000
    assert value("process_open_fds") > 0


def test_a_pool_shows_who_has_a_place_and_who_waits_for_one() -> None:
    semaphore = Semaphore(2)
    metrics.show_semaphore("test", 2, semaphore)
    before = value("suite_pool_in_use", pool="test"), value("suite_pool_waiting", pool="test")
    threads = [eventlet.spawn(semaphore.acquire) for _ in range(3)]
    eventlet.sleep(0)

    assert before == (0, 0)
    assert value("suite_pool_size", pool="test") == 2
    assert value("suite_pool_in_use", pool="test") == 2
    assert value("suite_pool_waiting", pool="test") == 1
    threads[-1].kill()


def test_what_blocks_the_event_loop_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "_TICK_SECONDS", 0.01)
    watcher = eventlet.spawn(vitals.watch_hub)
    eventlet.sleep(0.03)
    before = value("suite_hub_lag_seconds_count"), value("suite_hub_lag_seconds_bucket", le="0.05")
    eventlet.patcher.original("time").sleep(0.08)
    eventlet.sleep(0.03)
    watcher.kill()

    late = value("suite_hub_lag_seconds_count") - value("suite_hub_lag_seconds_bucket", le="0.05")
    assert late > before[0] - before[1]


def test_the_ages_of_certificate_and_secrets_are_shown(config: dict[str, Any], tmp_path: Any) -> None:
    pair = make_pair(tmp_path)
    config["HTTP"] |= {"tls_cert": str(pair.certificate)}
    ages.show_ages(
        {**config, "JWT_SECRET_SINCE": "2026-01-02", "JWT_PRIVATE_KEY": str(pair.key)}
    )  # fmt: skip
    made = pair.key.stat().st_mtime

    ends = value("suite_certificate_expires_timestamp_seconds", setting="TLS_CERT")
    assert 0 < ends - made <= 2 * 86_400 + 5
    assert value("suite_secret_since_timestamp_seconds", setting="JWT_PRIVATE_KEY") == made
    assert value("suite_secret_since_timestamp_seconds", setting="JWT_SECRET") == 1_767_312_000


def test_the_ends_of_certificates_for_the_servers_are_shown_as_well(
    config: dict[str, Any], tmp_path: Any
) -> None:
    pair, other = make_pair(tmp_path), make_pair(tmp_path, "other", "-nodes", "-days", "9")
    both = tmp_path / "both.pem"
    both.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes() + other.certificate.read_bytes())
    (tmp_path / "unread.pem").write_text("-----BEGIN TRUSTED CERTIFICATE-----\n")
    config["RABBITMQ_TLS"] |= {"ca": str(both), "cert": str(pair.certificate)}
    config["POSTGRES"] |= {"sslrootcert": str(both)}
    config["MAIL"] |= {"tls_ca": str(tmp_path / "unread.pem")}
    config["MONGODB_URI"] = f"mongodb://m/?tls=true&tlsCAFile={both}&tlsCertificateKeyFile={both}"
    ages.show_ages(config)
    (own,), (last,) = ages.ends(str(pair.certificate)), ages.ends(str(other.certificate))

    for setting, end in {
        "RABBITMQ_CERT": own, "MONGODB_URI tlsCertificateKeyFile": own,
        "RABBITMQ_CA": last, "DB_SSLROOTCERT": last, "MONGODB_URI tlsCAFile": last,
    }.items():  # fmt: skip
        assert value("suite_certificate_expires_timestamp_seconds", setting=setting) == end
    assert "SMTP_TLS_CA" not in metrics.exposition()[0].decode()
    assert last - own > 6 * 86_400
