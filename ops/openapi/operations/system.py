"""What belongs to no resource: health, metrics, these documents, and the page that mails link to."""

from typing import Any

from marshmallow import fields

from common.schemas import StrictSchema
from ops.openapi import examples
from ops.openapi.answers import system as answers
from ops.openapi.operation import Answer, Operation

_TAG = "system"
_PAGE: dict[str, Any] = {"text/html": {"example": "<!doctype html>..."}}
_DOCUMENT = {
    200: Answer("The document.", types={"application/json": {}}, headers=("ETag",)),
    304: Answer("The client has it.", headers=("ETag",)),
}
_APP = {200: Answer("The web app.", types=_PAGE, headers=("ETag",)), 304: Answer("Unchanged.")}
_LINK = "The token in the link stands for its owner, who needs no login."


class LinkQuery(StrictSchema):
    """The query of a mail's link."""

    token = fields.String(required=True)


OPERATIONS: dict[str, Operation] = {
    "index": Operation(
        _TAG,
        {
            200: Answer("Links, or the web app for a browser.", answers.Index, examples.INDEX, types=_PAGE),
            304: Answer("The browser has the page."),
        },
    ),
    "show_email_verification": Operation(_TAG, _APP),
    "show_password_reset": Operation(_TAG, _APP),
    "show_app_file": Operation(
        _TAG,
        {
            200: Answer(
                "The file.",
                types={"text/javascript": {}, "text/css": {}, "text/html": {}, "image/svg+xml": {}},
                headers=("ETag",),
            ),
            304: Answer("Unchanged."),
        },
    ),
    "show_keys": Operation(
        _TAG, {200: Answer("As a JWK set (RFC 7517).", answers.KeySet, examples.KEYS)},
        note="None with `JWT_ALGORITHM=HS256`. A token names its key by `kid`.",
    ),
    "list_instances": Operation(
        _TAG,
        {200: Answer("By service, the oldest first.", answers.Instance, examples.INSTANCES, many=True)},
        note="Each gives a sign of life every two seconds. One that is killed is `silent` after six, and"
        " listed for five minutes; one that is stopped leaves the list at once.",
    ),
    "serve_health": Operation(
        _TAG,
        {
            200: Answer("All can work.", answers.Health, examples.HEALTH),
            503: Answer("Some service can't work.", answers.Health, {**examples.HEALTH, "status": "fail"}),
        },
    ),
    "serve_liveness": Operation(_TAG, {200: Answer("It lives.", answers.Status, {"status": "pass"})}),
    "serve_readiness": Operation(
        _TAG,
        {
            200: Answer("Requests are worth sending.", answers.Status, {"status": "pass"}),
            503: Answer("They are not.", answers.Status, {"status": "fail"}),
        },
    ),
    "serve_metrics": Operation(
        _TAG, {200: Answer("Metrics of this process, in Prometheus' format.", types={"text/plain": {}})}
    ),
    "show_openapi": Operation(_TAG, _DOCUMENT),
    "show_asyncapi": Operation(_TAG, _DOCUMENT),
    "show_docs": Operation(
        _TAG, {200: Answer("The page.", types=_PAGE, headers=("ETag",)), 304: Answer("Unchanged.")}
    ),
    "show_docs_asset": Operation(
        _TAG,
        {
            200: Answer("The file.", types={"text/css": {}, "text/javascript": {}, "image/png": {}}),
            304: Answer("Unchanged."),
        },
    ),
    "show_unsubscription": Operation(
        "unsubscribe", {200: Answer("The question, as a page.", types=_PAGE)}, query=LinkQuery,
        problems=(404,), note=f"{_LINK} Changes nothing.",
    ),
    "unsubscribe": Operation(
        "unsubscribe",
        {200: Answer("Done, as a page for a browser.", types=_PAGE), 204: Answer("Done.")},
        query=LinkQuery, problems=(404,), note=f"{_LINK} One click, as RFC 8058 has it.",
        form={
            "schema": {"type": "object", "properties": {"List-Unsubscribe": {"type": "string"}}},
            "example": {"List-Unsubscribe": "One-Click"},
        },
    ),
}  # fmt: skip
