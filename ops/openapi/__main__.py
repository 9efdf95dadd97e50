"""``python -m ops.openapi`` writes both documents to where the gateway serves them from."""

import json
from typing import Any

from common.config import ROOT
from ops.openapi.asyncapi import document as asyncapi
from ops.openapi.document import document as openapi

FILES = {"openapi.json": openapi, "asyncapi.json": asyncapi}


def text(document: dict[str, Any]) -> str:
    """A document as it is kept: indented, since it is kept in the history as well."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them."""
    for name, document in FILES.items():
        (ROOT / "gateway" / name).write_text(text(document()), encoding="utf-8")


if __name__ == "__main__":
    main()
