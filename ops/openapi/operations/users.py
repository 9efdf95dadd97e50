"""``/api/users``."""

from ops.openapi import examples
from ops.openapi.answers import accounts as answers
from ops.openapi.answers.export import Export
from ops.openapi.operation import Answer, Operation
from services.auth.schemas import NewAccessToken
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
        " or if no administrator would be left. Another `email` is `pending_email` until the link of the mail"
        " that goes there confirms it; the present one takes that back.",
    ),
    "replace_user": Operation(
        _TAG, {200: _USER}, body=UserReplacement,
        body_example={"email": "ada@example.org", "name": "Ada Lovelace"}, problems=(403, 409), note=_NOTE,
    ),
    "delete_user": Operation(
        _TAG, {204: Answer("Gone, with todos, sessions and pending messages.")}, problems=(409,),
        note=f"{_NOTE} 409 for the last administrator.",
    ),
    "list_user_sessions": Operation(
        _TAG, {200: Answer("The last used first.", answers.Session, [examples.SESSION], many=True)},
    ),
    "end_user_sessions": Operation(
        _TAG, {204: Answer("All have ended, and their access tokens are refused everywhere.")},
        note="Personal access tokens stay; who is disabled loses those as well.",
    ),
    "end_user_session": Operation(
        _TAG, {204: Answer("It has ended, and its access tokens are refused everywhere.")},
        note="404 with the code `session_not_found` for one that is not the user's.",
    ),
    "reset_second_factor": Operation(
        _TAG, {204: Answer("The password alone is enough again; all sessions of the user have ended.")},
        note="Nothing changes where there is none. A mail tells the user.",
    ),
    "make_access_token": Operation(
        _TAG, {201: Answer("Keep it: it is not shown again.", answers.MadeAccessToken, examples.NEW_TOKEN)},
        body=NewAccessToken, problems=(404, 409),
        body_example={"name": "Backup script", "scopes": ["todos:read"], "expires_in_days": 30},
        note="It is a Bearer token for the calls that name one of its scopes, and takes a session to make. It"
        " ends with a reset of the password, another role, or the account. 409 with `too_many_tokens` after"
        " fifty.",
    ),
    "list_access_tokens": Operation(
        _TAG,
        {200: Answer(
            "The newest first.", answers.AccessToken, [examples.ACCESS_TOKEN], many=True,
            links=("EndFirstToken",),
        )},
    ),
    "end_access_token": Operation(_TAG, {204: Answer("It is refused everywhere.")}),
    "export_user": Operation(
        _TAG, {200: Answer("As a file.", Export, examples.EXPORT)}, problems=(404,),
        note="Profile, sessions, tokens, todos with the trash, messages and the lines of the audit log. No"
        " secret is in it.",
    ),
}  # fmt: skip
