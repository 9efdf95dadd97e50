"""``make shell``: Nameko's own shell on the running suite, with ``login`` and deadlines.

``n.rpc.todos.create(data={"title": "Buy milk"})`` calls a service as a client would through the
gateway; who is calling is the token that ``login(email, password)`` puts into the shell's context.
"""

import sys
from getpass import getpass
from typing import Any

from nameko.cli.shell import ShellRunner
from nameko.standalone.events import event_dispatcher
from nameko.standalone.rpc import ClusterRpcProxy
from nameko.utils import sanitize_url

from common import config as settings
from common import context, errors

BANNER = """Nameko shell, broker {broker}
  login("you@example.com")              asks for the password; then you are who is calling
  n.rpc.todos.list(query={{}})            any method of users, auth, todos, messaging, notifications
  n.dispatch_event("todos", "x", {{}})    an event, as a service would announce it
  whoami(), logout(), n.config"""


class Helper:
    """``n`` of Nameko's shell: ``n.rpc``, ``n.dispatch_event``, ``n.config``."""

    def __init__(self, config: settings.Config) -> None:
        self.config = config
        self.dispatch_event = event_dispatcher(config)
        self._proxy = ClusterRpcProxy(config, timeout=config["RPC_DEADLINE"])
        self.rpc: Any = self._proxy.start()

    @property
    def context(self) -> dict[str, Any]:
        """What travels with each call that the shell makes."""
        data: dict[str, Any] = self.rpc._worker_ctx.data
        return data

    def disconnect(self) -> None:
        """Close the shell's connection."""
        self._proxy.stop()


def main() -> None:
    """Open the shell; a script on standard input works too."""
    config = settings.load()
    try:
        n = Helper(config)
    except OSError as problem:
        sys.exit(f"No broker at {sanitize_url(config['AMQP_URI'])} ({problem}): is the suite running?")

    def login(email: str, password: str | None = None) -> dict[str, Any]:
        """Log in and call as that user from now on."""
        try:
            answer = n.rpc.auth.login(data={"email": email, "password": password or getpass()})
        except errors.Unauthenticated as refusal:
            if refusal.code != "second_factor_required":
                raise
            proof = {"challenge": refusal.details["challenge"], "code": getpass("Code: ")}
            answer = n.rpc.auth.second_login(data=proof)
        n.context[context.AUTH_TOKEN] = answer["access_token"]
        user: dict[str, Any] = answer["user"]
        return user

    def logout() -> None:
        """End the session and call as nobody from now on."""
        try:
            n.rpc.auth.logout()
        finally:
            n.context.pop(context.AUTH_TOKEN, None)

    def whoami() -> dict[str, Any]:
        """The user who is calling."""
        user: dict[str, Any] = n.rpc.auth.verify()["user"]
        return user

    names = {"n": n, "login": login, "logout": logout, "whoami": whoami, "errors": errors}
    banner = BANNER.format(broker=sanitize_url(config["AMQP_URI"]))
    try:
        ShellRunner(banner, names).start_shell("plain")
    except errors.SuiteError:
        sys.exit(1)  # a script's line failed, and the shell has shown it
    finally:
        n.disconnect()


if __name__ == "__main__":
    main()
