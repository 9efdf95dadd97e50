"""What a node of RabbitMQ looks at when it starts: the fewer files and folders, the sooner it is up.

A node reads the description of each plugin in its folder many times over, and looks for each module in the
folders of all: with the forty that this one does not use, a start takes twice the processor time.
It looks for Erlang's own modules, several hundred, in a hundred folders of plugins first; told to look in a
folder with just these before, it tries to open forty thousand files less.
"""

import re
import shutil
from pathlib import Path

INSTALLED = Path("/usr/lib/rabbitmq/lib")
ERLANG = Path("/usr/lib/erlang/lib")
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


def offer_modules(folder: Path) -> None:
    """Fill a folder with links to the modules of Erlang's libraries; kernel and stdlib come first anyway.

    Where Erlang is installed elsewhere the folder stays empty, and the node finds them as it does by itself.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for module in ERLANG.glob("*/ebin/*.beam"):
        if not module.parents[1].name.startswith(("kernel-", "stdlib-")):
            (folder / module.name).symlink_to(module)


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
