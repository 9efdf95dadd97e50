"""``${NAME:default}`` in YAML files, read by Nameko's own reader and at a lower price.

That reader is in the module of Nameko's command line, which imports ``pkg_resources`` for the one line that
``nameko --version`` prints. That one looks at every installed package: an eighth of what a service's imports
take.
"""

import sys
from importlib import import_module
from typing import Any

_COSTLY = "pkg_resources"


def setup_yaml_parser() -> None:
    """Let ``yaml.safe_load`` replace variables as ``nameko run --config`` does it."""
    _command_line().setup_yaml_parser()


class _Version:
    """All that Nameko asks ``pkg_resources`` for."""

    @staticmethod
    def get_distribution(name: str) -> Any:
        from importlib.metadata import distribution

        return distribution(name)


_STAND_IN: Any = _Version


def _command_line() -> Any:
    stands_in = _COSTLY not in sys.modules
    if stands_in:
        sys.modules[_COSTLY] = _STAND_IN
    try:
        return import_module("nameko.cli.main")
    finally:
        if stands_in:
            del sys.modules[_COSTLY]
