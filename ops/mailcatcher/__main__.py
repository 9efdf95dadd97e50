"""Starts the mail catcher; ends on SIGTERM or Ctrl-C."""

import argparse
import asyncio
import signal
import sys
import threading
from pathlib import Path

from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.http import WebServer
from ops.mailcatcher.smtp import Security, serve_smtp
from ops.mailcatcher.store import MailStore
from ops.priority import yield_to_others

_NICENESS = 11
"""As the services that send the mails: whoever waits for an answer is served first."""


def address(text: str) -> tuple[str, int]:
    """Reads `host:port`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form host:port")
    return host, int(port)


def read_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.mailcatcher", description="Catches mails and shows them."
    )
    parser.add_argument(
        "--smtp", type=address, default=("127.0.0.1", 1025), help="where to take mails, host:port"
    )
    parser.add_argument(
        "--http", type=address, default=("127.0.0.1", 8025), help="where to show them, host:port"
    )
    parser.add_argument("--directory", type=Path, required=True, help="where to keep them")
    parser.add_argument("--tls-cert", type=Path, help="certificate: connections use TLS")
    parser.add_argument("--tls-key", type=Path, help="the certificate's key")
    parser.add_argument("--starttls", action="store_true", help="plain connections that must turn to TLS")
    parser.add_argument("--user", help="clients must log in as this user")
    parser.add_argument("--password", help="and with this password")
    arguments = parser.parse_args()
    if arguments.starttls and not arguments.tls_cert:
        parser.error("--starttls needs --tls-cert")
    return arguments


async def serve(arguments: argparse.Namespace) -> None:
    """Serves both sides until told to end."""
    ended = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    catcher = Catcher(MailStore(arguments.directory))
    security = Security(
        arguments.tls_cert, arguments.tls_key, arguments.starttls, arguments.user, arguments.password
    )
    web = WebServer(arguments.http, catcher)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    host, port = arguments.smtp
    mail = await serve_smtp(catcher, host, port, security)
    await ended.wait()
    mail.close()
    web.shutdown()


def main() -> None:
    """Runs the catcher; an address that is taken ends it with one line."""
    arguments = read_arguments()
    yield_to_others(_NICENESS)
    try:
        asyncio.run(serve(arguments))
    except OSError as error:
        sys.exit(f"mail catcher: {error}")


if __name__ == "__main__":
    main()
