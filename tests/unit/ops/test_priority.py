"""A background process lowers its own weight, and that of a session only if it is its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ops import priority

ROOT = Path(__file__).resolve().parents[3]
ASK = (
    "import os, pathlib; from ops.priority import yield_to_others; yield_to_others({}); "
    "autogroup = pathlib.Path('/proc/self/autogroup'); "
    "session = autogroup.read_text().split()[-1:] if autogroup.exists() else []; "
    "print(os.getpriority(os.PRIO_PROCESS, 0), *session)"
)
# A kernel without autogroup has no such file; a process that the init system started without a session of its
# own reads nothing in it.
AUTOGROUP = Path("/proc/self/autogroup")


def weight(niceness: int, own_session: bool) -> list[int]:
    """The niceness of a process that yields, then that of its session if it has one."""
    command = [sys.executable, "-c", ASK.format(niceness)]
    told = subprocess.run(
        command, cwd=ROOT, start_new_session=own_session, capture_output=True, text=True, check=True
    )
    return [int(number) for number in told.stdout.split()]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="the kernel shares by processes here")
def test_a_session_of_its_own_yields_too_and_a_shared_one_does_not() -> None:
    shared = [int(number) for number in AUTOGROUP.read_text().split()[-1:]]
    assert weight(5, own_session=True) == [5, 5]
    assert weight(5, own_session=False) == [5, *shared]


def test_a_process_yields_by_the_niceness_that_is_set() -> None:
    assert weight(5, own_session=False)[0] == 5
    assert weight(0, own_session=False)[0] == 0


def test_a_process_that_was_started_with_a_higher_niceness_keeps_it() -> None:
    command = ["nice", "-n", "12", sys.executable, "-c", ASK.format(5)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(told.stdout.split()[0]) == 12 + os.getpriority(os.PRIO_PROCESS, 0)


def test_a_session_is_lowered_when_the_kernel_has_time_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy:
        answers: list[type[OSError]] = [BlockingIOError] * 3
        written: list[str] = []

        def write_text(self, text: str) -> None:
            if self.answers:
                raise self.answers.pop()()
            self.written.append(text)

    monkeypatch.setattr(priority, "_OF_THE_SESSION", Busy())
    priority._lower_the_session(6)
    assert Busy.written == ["6"]
    Busy.answers.append(PermissionError)
    priority._lower_the_session(11)
    assert Busy.written == ["6"]
    assert not Busy.answers
