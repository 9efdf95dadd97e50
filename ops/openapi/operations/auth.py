"""``/api/auth``."""

from ops.openapi import examples
from ops.openapi.answers import accounts as answers
from ops.openapi.operation import Answer, Operation
from ops.openapi.parameters import KEY_NOTE
from services.auth.schemas import (
    EmailToken,
    Login,
    PasswordChange,
    PasswordForgotten,
    PasswordReset,
    Refresh,
    Registration,
)

_TAG = "auth"
_PAIR = Answer("A pair of tokens.", answers.TokenPair, examples.TOKEN_PAIR)
_DONE = Answer("Done.")
_MAILED = Answer("If there is one to send, the mail is on its way.")

OPERATIONS: dict[str, Operation] = {
    "register": Operation(
        _TAG,
        {201: Answer(
            "The account is open; the welcome mail is on its way.", answers.Registered,
            {"user": examples.ACCOUNT}, headers=("Location",), links=("GetRegisteredUser",),
        )},
        body=Registration, body_example=examples.REGISTRATION,
        headers=("Accept-Language", "Idempotency-Key"), problems=(409,),
        note=f"409 if the address has an account. {KEY_NOTE}",
    ),
    "login": Operation(
        _TAG, {200: _PAIR}, body=Login, body_example=examples.LOGIN, problems=(401,),
        note="An unknown address, a wrong password and a disabled account get the same 401.",
    ),
    "refresh": Operation(
        _TAG, {200: _PAIR}, body=Refresh, body_example={"refresh_token": examples.REFRESH_TOKEN},
        problems=(401,), note="The old refresh token dies; to use it again ends the whole session.",
    ),
    "logout": Operation(_TAG, {204: _DONE}),
    "logout_all": Operation(_TAG, {204: _DONE}),
    "list_sessions": Operation(
        _TAG,
        {200: Answer(
            "The last used first.", answers.Session, [examples.SESSION], many=True, links=("EndFirstSession",)
        )},
    ),
    "revoke_session": Operation(_TAG, {204: _DONE}),
    "verify": Operation(
        _TAG,
        {200: Answer(
            "The token is good.", answers.Verified,
            {"valid": True, "user": examples.USER, "expires_at": "2026-11-23T14:31:45.000Z"},
        )},
        problems=(404,), note="404 if the user is no more.",
    ),
    "verify_email": Operation(
        _TAG, {204: _DONE}, body=EmailToken, body_example={"token": examples.REFRESH_TOKEN},
        note="400 with the code `invalid_token` for a link that is unknown, used or over.",
    ),
    "resend_verification": Operation(
        _TAG, {202: _MAILED},
        note="The new link replaces older ones. Nothing is sent for an address that is confirmed.",
    ),
    "forgot_password": Operation(
        _TAG, {202: _MAILED}, body=PasswordForgotten, body_example={"email": examples.LOGIN["email"]},
        note="The answer is the same whether or not the address has an account. The link works once, within"
        " an hour, and until the next one is asked for or the password changes.",
    ),
    "reset_password": Operation(
        _TAG, {204: _DONE}, body=PasswordReset, body_example=examples.PASSWORD_RESET,
        note="400 with the code `invalid_token` for a link that is unknown, used or over.",
    ),
    "change_password": Operation(
        _TAG, {204: _DONE}, body=PasswordChange, body_example=examples.PASSWORD_CHANGE,
        note="422 for a wrong present password as well, with `errors` on `current_password`.",
    ),
}  # fmt: skip
