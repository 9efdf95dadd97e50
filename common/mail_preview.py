"""A mail shown to an administrator over HTTP: as JSON, as its text, or as a page that can do nothing."""

from typing import Any

from marshmallow import fields, validate
from werkzeug.wrappers import Response

from common import http_pages
from common.http import Reply
from common.locales import DEFAULT_LOCALE
from common.request import Request
from common.schemas import Locale, StrictSchema, load

_TYPES = {"text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8"}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'; sandbox"
)
"""Mails have their styles inline, and nothing else that a browser would have to load or run."""


class PreviewQuery(StrictSchema):
    """The query: ``locale`` (a language tag) and ``format`` (``json``, ``text`` or ``html``)."""

    locale = Locale(load_default=DEFAULT_LOCALE)
    format = fields.String(load_default="json", validate=validate.OneOf(["json", *_TYPES]))


def show(request: Request, notifications: Any, template: str) -> Reply | Response:
    """The preview of a template: ``{subject, text, html}``, or the one part that ``format`` names."""
    wanted = load(PreviewQuery, http_pages.query(request))
    found: dict[str, str] = notifications.preview(template=template, locale=wanted["locale"])
    part = wanted["format"]
    if part not in _TYPES:
        return Reply(200, found)
    headers = {"Content-Security-Policy": _POLICY}
    return Response(found[part], headers=headers, content_type=_TYPES[part])
