"""A port on which a server can't listen."""

import subprocess
import sys

HOST = "127.0.0.1"


class blocked:
    """Holds a port without answering on it."""

    def __init__(self, port):
        script = (
            f"import socket, sys; holder = socket.socket(); holder.bind(('{HOST}', {port}))\n"
            "print('bound', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", script]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        self._process.stdout.readline()

    def __exit__(self, *error):
        self._process.communicate()
