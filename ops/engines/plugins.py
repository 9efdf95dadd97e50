"""Which of the plugins that come with RabbitMQ a node looks at when it starts.

A node reads the description of each plugin in its folder many times over, and looks for each module in the
folders of all: with the forty that this one does not use, a start takes twice the processor time.
"""

import re
import shutil
from pathlib import Path

INSTALLED = Path("/usr/lib/rabbitmq/lib")
_APPLICATIONS = re.compile(r"\{\s*applications\s*,\s*\[([^]]*)\]")


def offer(folder: Path, *wanted: str) -> None:
    """Fill a folder with links to the plugins ``wanted``, the broker itself, and what these need.

    Where the installation is built in another way (archives instead of folders) there will be no folder: the
    node then looks at all that are installed, as it does by itself.
    """
    shutil.rmtree(folder, ignore_errors=True)
    found = _installed()
    needed = _closure(found, ["rabbit", *wanted])
    if {"rabbit", *wanted} <= needed:
        folder.mkdir()
        for name in needed:
            (folder / found[name].name).symlink_to(found[name])


def _installed() -> dict[str, Path]:
    """The folder of each plugin by its name, of the only version of the broker that is installed."""
    folders = {path.name.rsplit("-", 1)[0]: path for path in INSTALLED.glob("rabbitmq_server-*/plugins/*-*")}
    versions = {path.parent for path in folders.values()}
    return folders if len(versions) == 1 else {}


def _closure(found: dict[str, Path], names: list[str]) -> set[str]:
    needed: set[str] = set()
    while names:
        name = names.pop()
        description = found.get(name, INSTALLED) / "ebin" / f"{name}.app"
        if name in needed or not description.exists():
            continue  # a part of Erlang's own
        needed.add(name)
        match = _APPLICATIONS.search(description.read_text())
        names += re.findall(r"\w+", match[1]) if match else []
    return needed
