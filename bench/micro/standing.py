"""What the suite takes while nothing is asked of it: memory after the load, and CPU."""

import time
from typing import Any

from bench import cpu
from bench.setting import Setting

IDLE_SECONDS = 10


def measure(setting: Setting) -> dict[str, Any]:
    """Each process's resident memory, the largest of them, and the CPU of all in percent of one core."""
    memory = {name: cpu.resident_mib(process.pid) for name, process in setting.suite.processes.items()}
    cpu.wait_quiet(setting.pids)
    broker, began = cpu.seconds([setting.broker_pid]), time.monotonic()
    idle = cpu.share(setting.suite.pids, IDLE_SECONDS) * 100
    broker = (cpu.seconds([setting.broker_pid]) - broker) / (time.monotonic() - began) * 100
    return {
        "memory": memory,
        "memory_mib": max(memory.values()),
        "idle_percent": idle,
        "idle_broker_percent": broker,
    }
