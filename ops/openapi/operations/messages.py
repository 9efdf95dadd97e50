"""``/api/messages``: all for administrators."""

from common.mail_preview import PreviewQuery
from ops.openapi import examples
from ops.openapi.answers import messages as answers
from ops.openapi.operation import Answer, Operation
from services.messaging.schemas import DeadLetterQuery, MessageQuery, NewMessage, Replay

_TAG = "messages"
_PAGING = ("Link", "X-Total-Count")
_CUT = "400 with the code `dead_letter_cut` if it was too large to be kept whole."

OPERATIONS: dict[str, Operation] = {
    "publish_message": Operation(
        _TAG,
        {202: Answer(
            "Accepted; the mail follows.", answers.Accepted,
            {"id": examples.MESSAGE_ID, "status": "queued"}, headers=("Location",),
            links=("GetMessage", "CancelMessage"),
        )},
        body=NewMessage, body_example=examples.NEW_MESSAGE, headers=("Idempotency-Key",),
        note="The same `idempotency_key`, in the body or in the header, gives the same message; with another"
        " content it is 422.",
    ),
    "list_messages": Operation(
        _TAG, {200: Answer("Newest first.", answers.Message, [examples.MESSAGE], many=True, headers=_PAGING)},
        query=MessageQuery,
    ),
    "get_message": Operation(_TAG, {200: Answer("The message.", answers.Message, examples.MESSAGE)}),
    "cancel_message": Operation(
        _TAG, {204: Answer("It is never going to be sent.")}, problems=(409,),
        note="409 if it is sent or dead, or being sent.",
    ),
    "list_queues": Operation(
        _TAG, {200: Answer("The queues, by name.", answers.Queue, examples.QUEUES, many=True)}
    ),
    "list_dead_letters": Operation(
        _TAG,
        {200: Answer(
            "Latest first.", answers.DeadLetter, [examples.DEAD_LETTER], many=True, headers=_PAGING
        )},
        query=DeadLetterQuery,
    ),
    "get_dead_letter": Operation(
        _TAG, {200: Answer("The dead letter.", answers.WholeDeadLetter, examples.WHOLE_DEAD_LETTER)}
    ),
    "replay_dead_letter": Operation(
        _TAG, {202: Answer("On its way again.", answers.Replayed, {"replayed": 1})}, problems=(409,),
        note=f"409 with the code `dead_letter_unroutable` if the queue that it failed in is gone. {_CUT}",
    ),
    "replay_dead_letters": Operation(
        _TAG, {202: Answer("On their way again.", answers.ManyReplayed, {"replayed": 12, "not_replayed": 1})},
        body=Replay, body_example={"template": "welcome", "limit": 100}, body_required=False,
        note="Without a body, all. What no queue takes, or is not kept whole, stays and is counted.",
    ),
    "delete_dead_letter": Operation(_TAG, {204: Answer("Gone for good.")}),
    "preview_template": Operation(
        _TAG,
        {200: Answer(
            "The mail, in the format that was asked for.", answers.Preview, examples.PREVIEW,
            types={"text/plain": {}, "text/html": {}},
        )},
        query=PreviewQuery,
    ),
}  # fmt: skip
