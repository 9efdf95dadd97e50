"""Parameters and headers, each described once."""

from typing import Any

from common.mail_kinds import TEMPLATES
from gateway import swagger_ui, web_app
from ops.openapi.answers.todos import TODO_ID

Made = dict[str, Any]
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID: Made = {"schema": {"type": "string", "format": "uuid"}}


def _parts_of_app(place: int) -> list[str]:
    return sorted({name.split("/")[place] for name in web_app.FILES})


PATH: dict[str, Made] = {
    "todo_id": {
        "schema": {"type": "string", "pattern": TODO_ID},
        "example": "6b02fcd1a1bcd8d6478e2d41",
    },
    "user_id": {
        "description": "A user's id; `me` is the caller.",
        "schema": {"type": "string", "pattern": f"^(me|{UUID})$"},
        "example": "me",
    },
    "session_id": _UUID,
    "token_id": _UUID,
    "message_id": _UUID,
    "letter_id": _UUID,
    "template": {"schema": {"type": "string", "enum": [*TEMPLATES]}, "example": "welcome"},
    "asset": {"schema": {"type": "string", "enum": [*swagger_ui.ASSETS]}, "example": "swagger-ui.css"},
    "version": {
        "description": "As the page names it; another one's files may not be kept.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
    },
    "folder": {"schema": {"type": "string", "enum": _parts_of_app(0)}, "example": "look"},
    "file": {"schema": {"type": "string", "enum": _parts_of_app(1)}, "example": "base.css"},
}

QUERY_NOTES: dict[str, str] = {
    "limit": "How many items a page has at most.",
    "cursor": "Where the page begins: from the header `Link` of the page before.",
    "count": "Whether to count all that match, in the header `X-Total-Count`.",
    "sort": "The order; `-` turns it round.",
    "tag": "Todos that have this tag.",
    "due_before": "Todos that are due before this time.",
    "due_after": "Todos that are due after this time.",
    "locale": "A language tag; the mails speak English and German.",
    "format": "`json` has all parts; `text` and `html` are the part alone.",
    "token": "The secret at the end of the mail's link.",
    "recipient": "Messages to this address.",
    "user_id": "Lines about this user's account, or of what this user has done.",
    "event": "Lines of this event.",
    "since": "Lines from this time on.",
    "until": "Lines from before this time.",
    "queue": "Dead letters that failed in this queue.",
    "reason": "Dead letters with this reason.",
}

HEADER_PARAMETERS: dict[str, Made] = {
    "If-Match": {
        "description": "The entity tag that the todo must still have, or several; else the answer is 412.",
        "schema": {"type": "string"},
        "examples": {"any": {"value": "*"}, "one": {"value": '"1"'}},
    },
    "If-None-Match": {
        "description": "An entity tag that the client has, or several; for a current one the answer is 304.",
        "schema": {"type": "string"},
        "example": '"1"',
    },
    "Accept-Language": {
        "description": "The language of the mails, if the body names no `locale`.",
        "schema": {"type": "string"},
        "example": "de-AT, en;q=0.5",
    },
    "Idempotency-Key": {
        "description": "Drawn by the client, such as a UUID, for a call that may have to be repeated: the"
        " same key and body again get the first answer; with another body it is 422.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "example": "3f1c6a0e",
    },
}


KEY_NOTE = (
    "With `Idempotency-Key`, the same key and body within 24 hours get the first answer and change nothing;"
    " with another body it is 422, while the first call is being carried out 409."
)


def _of_limit(description: str) -> Made:
    return {
        "description": f"{description} Not on health, metrics and the files of the web app.",
        "schema": {"type": "integer", "minimum": 0},
    }


EVERYWHERE = (
    "X-Request-ID", "RateLimit", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
    "RateLimit-Policy",
)  # fmt: skip
"""What every answer has."""

HEADERS: dict[str, Made] = {
    "X-Request-ID": {
        "description": "The request's id: the client's own, if it sent a sane one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
    "Location": {
        "description": "Where the new resource is.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "ETag": {
        "description": "The version's entity tag, for `If-Match` and `If-None-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^".+"$'},
    },
    "Link": {
        "description": 'The next page, with `rel="next"`; the last page has none.',
        "schema": {"type": "string", "pattern": '^<.+>; rel="next"$'},
    },
    "X-Total-Count": {
        "description": "How many match in all; with `count=true` only.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Limit": _of_limit("How many calls the limit that is nearest to its end allows."),
    "RateLimit-Remaining": _of_limit("How many are left of them."),
    "RateLimit-Reset": _of_limit("In how many seconds they are all there again."),
    "RateLimit": {
        "description": 'All limits that were counted, as a structured field: `"user";r=299;t=60`.',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'What they allow, as a structured field: `"user";q=300;w=60`.',
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "That a Bearer token is needed, and what is wrong with the one that came.",
        "required": True,
        "schema": {"type": "string", "pattern": "^Bearer"},
    },
}
