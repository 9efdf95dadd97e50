"""``make dead-letters``: a table of what could not be delivered, asked of the running suite.

Whoever can read the settings holds the secret that signs tokens, so no login is needed here.
"""

import sys
from typing import Any

from nameko.exceptions import RpcTimeout
from nameko.standalone.rpc import ClusterRpcProxy
from nameko.utils import sanitize_url

from common import config as settings
from common import context
from services.auth.tokens import Signer

_COLUMNS = (("ID", "id", 36), ("DIED AT", "died_at", 24), ("ATTEMPTS", "attempts", 8),
            ("REASON", "reason", 24), ("TEMPLATE", "template", 18), ("DETAIL", "detail", 60))  # fmt: skip
_MOST = 100


def main() -> None:
    """Print the latest dead letters, or one line that says why not."""
    config = settings.load()
    token = Signer(settings.jwt_secret(config), 60, 60, settings.access_keys(config)).access_token(
        "operator", "admin", "make dead-letters"
    )
    try:
        with ClusterRpcProxy(config, timeout=config["RPC_DEADLINE"]) as services:
            services._worker_ctx.data[context.AUTH_TOKEN] = token
            found = services.messaging.dead_letters(query={"limit": str(_MOST), "count": "true"})
    except RpcTimeout:
        seconds = config["RPC_DEADLINE"]
        sys.exit(
            f"The messaging service has not answered within {seconds:g} s: is it running, and not stuck?"
        )
    except OSError as problem:
        sys.exit(f"No answer by {sanitize_url(config['AMQP_URI'])} ({problem}): is the suite running?")
    print(table(found["items"], found["total"]))


def table(letters: list[dict[str, Any]], total: int) -> str:
    """The letters, a line each, under a heading; says how many there are when these are not all."""
    if not letters:
        return "No dead letters."
    lines = ["  ".join(title.ljust(width) for title, _, width in _COLUMNS)]
    for letter in letters:
        cells = [_cell(letter.get(name), width) for _, name, width in _COLUMNS]
        lines.append("  ".join(cells).rstrip())
    if total > len(letters):
        lines.append(f"{total} in all; these are the latest.")
    return "\n".join(lines)


def _cell(value: Any, width: int) -> str:
    text = "-" if value is None else "".join(one for one in str(value) if one.isprintable())
    return text[:width].ljust(width)


if __name__ == "__main__":
    main()
