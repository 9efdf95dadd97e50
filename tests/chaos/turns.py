"""Each instance ends in its turn, is started again, and is ready before the next one's turn comes."""

import signal
import time
from collections.abc import Sequence

import eventlet
import requests

from ops.serve import GRACE_SECONDS
from tests.chaos.errands import Crowd, Errands, until
from tests.chaos.test_exactly_once import World
from tests.chaos.visitors import Tally

_HALT_SECONDS = 0.5


class Turns:
    """Takes them while visitors call, and ``tally`` has what became of their calls."""

    def __init__(self, world: World, visitors: int, pause: float, seconds: float) -> None:
        self.tally = Tally()
        self._world = world
        self._people = [Errands(world, self.tally, keeps=number % 2 == 0) for number in range(visitors)]
        self._pause = pause
        self._seconds = seconds

    def killed(self, names: Sequence[str]) -> Tally:
        """Each is killed with calls in hand, while visitors make only calls that may be repeated."""
        lists = [one.repeatable() for one in self._people]
        return self._take(names, signal.SIGKILL, Crowd(lists, self._pause))

    def restarted(self, names: Sequence[str]) -> Tally:
        """Each is told to stop and has to do so in order, while visitors make calls of all kinds."""
        lists = [one.repeatable() + one.others() for one in self._people]
        return self._take(names, signal.SIGTERM, Crowd(lists, self._pause))

    def _take(self, names: Sequence[str], number: int, crowd: Crowd) -> Tally:
        eventlet.sleep(self._seconds)
        for name in names:
            self._turn(name, number)
        crowd.stop()
        print(self.tally)
        return self.tally

    def _turn(self, name: str, number: int) -> None:
        suite, tally = self._world.suite, self.tally
        tally.moment = f"{name} ends"
        tally.gateway_dies = number == signal.SIGKILL and name.startswith("gateway")
        process = suite.processes[name]
        if number == signal.SIGKILL:  # halted for a moment, it has calls in hand when it dies
            suite.signal(name, signal.SIGSTOP)
            eventlet.sleep(_HALT_SECONDS)
        began = time.monotonic()
        suite.signal(name, number)
        until(lambda: process.poll() is not None, GRACE_SECONDS + 5, f"{name} has not ended")
        assert process.returncode == (-number if number == signal.SIGKILL else 0), name
        ended = time.monotonic()
        eventlet.sleep(self._seconds)
        tally.gateway_dies = False
        tally.moment = f"{name} begins"
        suite.start(name)
        until(lambda: is_well(self._world, name), 60, f"{name} is not ready\n{suite.logs(20)}")
        print(f"{name}: ended after {ended - began:.1f} s, ready {time.monotonic() - ended:.1f} s later")
        eventlet.sleep(self._seconds)


def is_well(world: World, name: str) -> bool:
    """Whether a gateway, one or the other, lists this instance as one that is well."""
    address = f"{world.suite.url}/api/services"
    answer = requests.get(address, headers={"Authorization": f"Bearer {world.admin.token}"}, timeout=15)
    assert answer.ok, answer.text
    well = {one["pid"] for one in answer.json() if one["status"] == "pass"}
    return world.suite.processes[name].pid in well
