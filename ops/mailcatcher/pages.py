"""The pages for people: the list of mails, and a page a mail."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ops.mailcatcher.catcher import Catcher
from ops.mailcatcher.store import Summary

WEB = Path(__file__).parent / "web"
PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'"
# A mail's own HTML: no scripts, nothing loaded from elsewhere; links open in a new tab.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
OPEN_LINKS_IN_TABS = '<base target="_blank">'
ASSETS = {"style.css": "text/css", "list.js": "text/javascript"}
LIST_LIMIT = 200

_templates = Environment(loader=FileSystemLoader(WEB), autoescape=True, undefined=StrictUndefined)


def list_page(catcher: Catcher, search: str) -> str:
    """The newest mails, by part of a recipient's address."""
    mails = catcher.store.find(search=search, limit=LIST_LIMIT)
    return _templates.get_template("list.html").render(mails=mails, search=search, total=len(catcher.store))


def mail_page(catcher: Catcher, mail: Summary) -> str:
    """A mail's headers, HTML part, text part and source."""
    source = catcher.store.raw(mail.id).decode("utf-8", "replace")
    content = catcher.store.content(mail.id)
    return _templates.get_template("mail.html").render(mail=mail, content=content, source=source)


def mail_html(catcher: Catcher, mail: Summary) -> str:
    """The HTML part alone, to be shown in a sandboxed frame."""
    return OPEN_LINKS_IN_TABS + (catcher.store.content(mail.id).html or "")


def asset(name: str) -> bytes:
    """A style sheet or script."""
    return (WEB / name).read_bytes()
