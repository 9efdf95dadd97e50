"""How much of a busy machine a process gets: what works in the background lets requests go first."""

import os
import time
from pathlib import Path

_OF_THE_SESSION = Path("/proc/self/autogroup")
_TRIES, _PAUSE_SECONDS = 60, 0.03


def yield_to_others(niceness: int) -> None:
    """Lower this process's weight to a niceness from 1 to 19; 0 leaves it as it is.

    Linux with autogroup (see ``sched(7)``) divides the processors among sessions first, and a niceness counts
    within one session only. So a process that has a session to itself lowers that as well.
    """
    if niceness == 0:
        return
    if niceness > os.getpriority(os.PRIO_PROCESS, 0):  # to go back takes rights that few have
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
    if os.getsid(0) == os.getpid():
        _lower_the_session(niceness)


def _lower_the_session(niceness: int) -> None:
    for _ in range(_TRIES):
        try:
            _OF_THE_SESSION.write_text(str(niceness))
        except BlockingIOError:  # but for root Linux takes one in a tenth of a second, and many start at once
            time.sleep(_PAUSE_SECONDS)
            continue
        except OSError:
            pass  # no autogroup here
        return
