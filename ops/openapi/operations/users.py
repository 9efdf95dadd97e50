"""``/api/users``."""

from ops.openapi import examples
from ops.openapi.answers import accounts as answers
from ops.openapi.operation import Answer, Operation
from services.users.schemas import UserChanges, UserQuery, UserReplacement

_TAG = "users"
_NOTE = "One's own, or anybody's for an administrator; for others a user is not there (404)."
_USER = Answer("The user.", answers.User, examples.USER)

OPERATIONS: dict[str, Operation] = {
    "list_users": Operation(
        _TAG,
        {200: Answer(
            "Newest first.", answers.User, [examples.USER_FOR_ADMIN], many=True,
            headers=("Link", "X-Total-Count"),
        )},
        query=UserQuery,
    ),
    "get_user": Operation(_TAG, {200: _USER}, note=_NOTE),
    "update_user": Operation(
        _TAG, {200: _USER}, body=UserChanges,
        body_example={"name": "Ada Lovelace", "preferences": {"login_mails": False}}, problems=(403, 409),
        note=f"{_NOTE} `role` and `disabled` are an administrator's (403). 409 if the address has an account,"
        " or if no administrator would be left.",
    ),
    "replace_user": Operation(
        _TAG, {200: _USER}, body=UserReplacement,
        body_example={"email": "ada@example.org", "name": "Ada Lovelace"}, problems=(403, 409), note=_NOTE,
    ),
    "delete_user": Operation(
        _TAG, {204: Answer("Gone, with todos, sessions and pending messages.")}, problems=(409,),
        note=f"{_NOTE} 409 for the last administrator.",
    ),
    "reset_second_factor": Operation(
        _TAG, {204: Answer("The password alone is enough again; all sessions of the user have ended.")},
        note="Nothing changes where there is none. A mail tells the user.",
    ),
}  # fmt: skip
