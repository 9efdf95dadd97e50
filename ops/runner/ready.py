"""When the suite is ready, and what a person is told then."""

import json
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection

POLL_SECONDS = 0.5


class ReadyWatch:
    """Asks the gateway in the background whether it is ready."""

    def __init__(self, host: str, port: int, secure: bool = False) -> None:
        self._host, self._port, self._secure = host, port, secure
        self._ready = threading.Event()
        self.last_answer = "the gateway does not answer"
        threading.Thread(target=self._poll, daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether it has said so."""
        return self._ready.is_set()

    def _poll(self) -> None:
        while not self._asks():
            self._ready.wait(POLL_SECONDS)
        self._ready.set()

    def _connection(self) -> HTTPConnection:
        if not self._secure:
            return HTTPConnection(self._host, self._port, timeout=3)
        context = ssl.create_default_context()
        context.check_hostname = False  # the certificate names another host, and nothing is sent
        context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(self._host, self._port, timeout=3, context=context)

    def _asks(self) -> bool:
        connection = self._connection()
        try:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            self.last_answer = f"the gateway answers {answer.status}{failing_services(answer.read())}"
            return answer.status == 200
        except (OSError, HTTPException):
            self.last_answer = "the gateway does not answer"
            return False
        finally:
            connection.close()


def ready_text(seconds: float, addresses: dict[str, str]) -> str:
    """The box that says that the suite is ready, and where."""
    width = max(map(len, addresses))
    lines = [f"Ready after {seconds:.0f} s.", ""]
    lines += [f"{title.ljust(width)}  {address}" for title, address in addresses.items()]
    lines += ["", "Ctrl-C stops everything."]
    frame = max(map(len, lines)) + 2
    border = f"+{'-' * frame}+"
    return "\n".join([border, *(f"| {line.ljust(frame - 2)} |" for line in lines), border])


def failing_services(body: bytes) -> str:
    """Names the services that a readiness report calls not well."""
    try:
        services = json.loads(body)["services"].items()
        failing = [name for name, report in services if report["status"] == "fail"]
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
    return f" (not ready: {', '.join(failing)})" if failing else ""
