"""How often bcrypt alone hashes on all cores (``python -m bench.yardstick 12 5``): for logins."""

import os
import subprocess
import sys
import time

import bcrypt


def hashes_per_second(cost: int, seconds: int) -> float:
    """The rate of one hashing process a core, together."""
    command = [sys.executable, "-m", "bench.yardstick", str(cost), str(seconds)]
    hashing = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        for _ in range(os.cpu_count() or 1)
    ]
    return sum(float(process.communicate()[0]) for process in hashing)


def main(cost: int, seconds: int) -> None:
    """Hash for so long and print the rate."""
    hashed, count, began = bcrypt.hashpw(b"correct horse battery", bcrypt.gensalt(cost)), 0, time.monotonic()
    while time.monotonic() - began < seconds:
        bcrypt.checkpw(b"correct horse battery", hashed)
        count += 1
    print(count / (time.monotonic() - began))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
