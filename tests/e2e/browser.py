"""A real browser, headless, told what to do over its DevTools protocol; used as people use it: by what they
read on labels and buttons, with the mouse and the keyboard.
"""

import json
import os
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from websocket import create_connection

PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")
# No sandbox of its own, which root and containers can't have: it sees the suite's own pages only.
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--disable-background-networking", "--no-first-run", "--lang=en-US",
)  # fmt: skip
# Where the middle is of what can be seen and has these words on it, or on its label.
FIND = """
((words) => {
  const said = (one) => one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent;
  const all = [...document.querySelectorAll("button, a, summary, input, select, textarea")];
  const open = document.querySelector("dialog[open]");
  const seen = all.filter((one) => one.checkVisibility() && (!open || open.contains(one)));
  const is = seen.find((one) => said(one).trim() === words);
  const found = is ?? seen.find((one) => said(one).includes(words));
  found?.scrollIntoView({block: "center"});
  const box = found?.getBoundingClientRect();
  return box && [box.x + box.width / 2, box.y + box.height / 2];
})
"""


@contextmanager
def browsing(directory: Path) -> Iterator["Tab"]:
    """The first tab of a browser that knows nothing yet; it is gone after the block."""
    program = next(filter(None, map(which, PROGRAMS)), None)
    assert program, f"a browser is needed, one of {', '.join(PROGRAMS)}"
    with (directory / "browser.log").open("wb") as log:
        # In a session of its own: Debian's program is a script that starts the browser.
        command = [program, *OPTIONS, f"--user-data-dir={directory}"]
        process = subprocess.Popen(command, stderr=log, start_new_session=True)
    try:
        yield Tab(_address(directory / "DevToolsActivePort"))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Tab:
    """One tab. `problems` are errors and breaches of the page's policy that the browser has reported."""

    def __init__(self, address: str) -> None:
        self.problems: list[str] = []
        self._address = address
        self._socket = create_connection(address, timeout=15)
        self._last, self._session = 0, {}
        target = self._tell("Target.createTarget", url="about:blank")["targetId"]
        attached = self._tell("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self._tell(f"{domain}.enable")
        self.resize(1280, 900)

    def another(self) -> "Tab":
        """A second tab of the same browser."""
        return Tab(self._address)

    def resize(self, width: int, height: int) -> None:
        """As a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._tell("Emulation.setDeviceMetricsOverride", **size)

    def open(self, url: str) -> None:
        """Go to an address."""
        self._tell("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def run(self, expression: str) -> Any:
        """What a JavaScript expression is, as JSON has it."""
        found = self._tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    def until(self, expression: str, wanted: str = "", seconds: float = 20) -> Any:
        """Wait until a JavaScript expression holds."""
        end = time.monotonic() + seconds
        while not (found := self.run(expression)):
            shown = f"{self.text}\n{self.problems}" if time.monotonic() > end else ""
            assert not shown, f"{wanted or expression} has not come true; shown:\n{shown}"
            time.sleep(0.03)
        return found

    @property
    def text(self) -> str:
        """All that can be read."""
        return str(self.run("document.body.innerText"))

    def sees(self, words: str) -> None:
        """Wait until these words can be read."""
        self.until(f"document.body.innerText.includes({json.dumps(words)})")

    def click(self, words: str) -> None:
        """Click on what has these words."""
        place = None
        # What is still being laid out moves away under the pointer.
        while (found := self.until(f"{FIND}({json.dumps(words)})", f"a place to click: {words!r}")) != place:
            place = found
            time.sleep(0.05)
        x, y = found
        for kind in ("mousePressed", "mouseReleased"):
            self._tell("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def write(self, label: str, text: str) -> None:
        """Write into the field with this label."""
        self.click(label)
        self._tell("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """Keep what is seen."""
        path.write_bytes(b64decode(self._tell("Page.captureScreenshot")["data"]))

    def _tell(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params, **self._session}))
        while (message := json.loads(self._socket.recv())).get("id") != self._last:
            self._note(message["method"], message["params"])
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        if event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")


def _address(file: Path, seconds: float = 20) -> str:
    end = time.monotonic() + seconds
    while not (file.exists() and len(lines := file.read_text().split()) == 2):
        assert time.monotonic() < end, "the browser has not started"
        time.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
