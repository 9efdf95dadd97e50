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
            reply = self._answer(stream, verb)
            if verb == "DATA" and reply.startswith(b"354"):
                reply = self._answer(stream, "BODY") if self._read_text(stream) else b""
            if not reply:
                return

    def _read_text(self, stream: Any) -> bool:
        lines = []
        while (line := stream.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if line:
            self.mails.append(b"".join(lines))
        return bool(line)

    def _answer(self, stream: Any, cue: str) -> bytes:
        """What was answered; nothing if that ends the conversation."""
        reply = self.once.pop(cue, None) or self.replies.get(cue, _USUAL.get(cue, b"250 ok"))
        if reply == SILENCE:
            eventlet.sleep(60)
        if reply in (SILENCE, HANG_UP):
            return b""
        stream.write(reply + b"\r\n")
        stream.flush()
        return b"" if reply.startswith(b"421") else bytes(reply)
