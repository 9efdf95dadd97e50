"""What the kernel's tables say: CPU seconds, and who listens."""

import os

import pytest

from bench import cpu, ports

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:0BB8 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4
"""


def test_a_port_with_two_listeners_is_seen_and_its_connections_do_not_count() -> None:
    assert [ports.listeners_in(TABLE, port) for port in (3000, 3001, 3002)] == [2, 1, 0]


def test_a_port_that_is_shared_is_refused() -> None:
    with pytest.raises(ports.PortShared, match="0 processes listen on port 1, 1 should"):
        ports.expect(1, 1)


def test_cpu_seconds_are_those_of_the_process_and_of_its_ended_children() -> None:
    ticks = cpu.TICKS
    stat = f"7 (a) name) S 1 7 7 0 -1 0 0 0 0 0 {2 * ticks} {ticks} {ticks} {ticks} 20 0 1 0 5 0 0"
    assert cpu.seconds_in(stat) == 5.0


def test_a_process_that_is_gone_uses_nothing() -> None:
    assert cpu.seconds_in("") == 0.0


def test_this_process_has_used_cpu_and_memory() -> None:
    assert cpu.seconds([os.getpid()]) > 0
    assert 10 < cpu.resident_mib(os.getpid()) < 10_000
