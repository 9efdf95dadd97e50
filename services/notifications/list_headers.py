"""The headers by which a mail program offers to unsubscribe with one click (RFC 2369, RFC 8058)."""

from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import SMTP, Policy


class WholeLine(UnstructuredHeader, BaseHeader):
    """A header on one line: folding would make encoded words of a long address, which no program undoes."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header as it goes out."""
        return f"{self.name}: {self}{policy.linesep}"


def one_click(url: str | None) -> dict[str, str]:
    """Return the two headers for an unsubscribe link, none without one."""
    if url is None:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", WholeLine)
POLICY = SMTP.clone(cte_type="7bit", header_factory=_headers)
"""How this service writes mails."""
