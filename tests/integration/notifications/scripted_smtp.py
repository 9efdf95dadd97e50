"""An SMTP server that misbehaves on cue, which no proper server would do.

`replies` maps a verb (GREETING, EHLO, MAIL, RCPT, DATA, BODY, …) to what is
answered to it: bytes, or HANG_UP, or SILENCE; `once` does so for one time.
"""

from typing import Any

import eventlet

HANG_UP = "hang up"
SILENCE = "silence"
_USUAL = {"GREETING": b"220 ready", "DATA": b"354 go on", "QUIT": b"221 bye"}


class ScriptedSmtp:
    """Serves in the test's own process, as a green thread."""

    def __init__(self, **replies: Any) -> None:
        self.replies = replies
        self.once: dict[str, Any] = {}
        self.connections = 0
        self.commands: list[str] = []
        self.mails: list[bytes] = []
        self._listener = eventlet.listen(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [eventlet.spawn(self._accept)]

    def stop(self) -> None:
        """Ends the server and all its conversations."""
        for thread in self._threads:
            thread.kill()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            self.connections += 1
            self._threads.append(eventlet.spawn(self._converse, client))

    def _converse(self, client: Any) -> None:
        try:
            with client, client.makefile("rwb") as stream:
                self._answer_all(stream)
        except OSError:
            pass

    def _answer_all(self, stream: Any) -> None:
        if not self._answer(stream, "GREETING"):
            return
        while line := stream.readline():
            verb = line[:4].decode().upper().strip()
            self.commands.append(line.decode().strip())
            if not self._answer(stream, verb):
                return
            if verb == "DATA" and not (self._read_body(stream) and self._answer(stream, "BODY")):
                return

    def _answer(self, stream: Any, cue: str) -> bool:
        reply = self.once.pop(cue, None) or self.replies.get(cue, _USUAL.get(cue, b"250 ok"))
        if reply == SILENCE:
            eventlet.sleep(60)
        if reply in (SILENCE, HANG_UP):
            return False
        stream.write(reply + b"\r\n")
        stream.flush()
        return not reply.startswith(b"421")

    def _read_body(self, stream: Any) -> bool:
        if self.replies.get("DATA", b"354").startswith(b"354"):
            lines = list(iter(stream.readline, b".\r\n"))
            self.mails.append(b"".join(lines))
        return True
