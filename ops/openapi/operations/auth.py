"""``/api/auth``."""

from ops.openapi import examples
from ops.openapi.answers import accounts as answers
from ops.openapi.operation import Answer, Operation
from ops.openapi.parameters import KEY_NOTE
from services.auth.schemas import (
    Code,
    EmailToken,
    Login,
    PasswordChange,
    PasswordForgotten,
    PasswordReset,
    PresentPassword,
    Refresh,
    Registration,
    SecondFactorLogin,
)

_TAG = "auth"
_PAIR = Answer("A pair of tokens.", answers.TokenPair, examples.TOKEN_PAIR)
_DONE = Answer("Done.")
_CODES = Answer(
    "Keep them somewhere safe.", answers.RecoveryCodes, {"recovery_codes": [examples.RECOVERY_CODE]}
)
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
        note="An unknown address, a wrong password and a disabled account get the same 401. Where a second"
        " factor is on, the right password gets 401 with the code `second_factor_required` and a challenge."
        " After some wrong passwords 429 with `too_many_guesses`, for longer each time, right ones as well.",
    ),
    "refresh": Operation(
        _TAG, {200: _PAIR}, body=Refresh, body_example={"refresh_token": examples.REFRESH_TOKEN},
        problems=(401,),
        note="The old refresh token dies; to use it again ends the whole session. 401 also for a session that"
        " is too old, or was not refreshed for too long.",
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
        _TAG, {204: _DONE}, body=EmailToken, body_example={"token": examples.REFRESH_TOKEN}, problems=(409,),
        note="The address is confirmed, or the one that was asked for is the account's from now on: 409 with"
        " `email_taken` if it has another account by now. 400 with `invalid_token` for a link that is none,"
        " used or over.",
    ),
    "resend_verification": Operation(
        _TAG, {202: _MAILED},
        note="The new link replaces older ones. It goes to `pending_email` if there is one; nothing is sent"
        " for an address that is confirmed.",
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
    "second_login": Operation(
        _TAG, {200: _PAIR}, body=SecondFactorLogin, problems=(401, 404),
        body_example={"challenge": examples.TOKEN_PAIR["access_token"], "code": "123456"},
        note="The code is one of the app's, good once, or a recovery code. 401 with `invalid_code` for a"
        " wrong one, with `invalid_challenge` for a login that has taken more than five minutes; 404 if the"
        " user is no more. After five wrong codes in a row 429, for longer each time; a recovery code is"
        " taken all the same.",
    ),
    "get_second_factor": Operation(
        _TAG, {200: Answer("As it is.", answers.SecondFactor, examples.SECOND_FACTOR)}
    ),
    "enrol_second_factor": Operation(
        _TAG, {201: Answer("Confirm it with a code.", answers.Enrolment, examples.ENROLMENT)},
        body=PresentPassword, body_example={"current_password": examples.LOGIN["password"]},
        problems=(404, 409),
        note="It counts once it is confirmed; until then, the next call replaces it. 409 with"
        " `second_factor_is_on` where one counts; 422 for a wrong password.",
    ),
    "confirm_second_factor": Operation(
        _TAG, {200: _CODES}, body=Code, body_example={"code": "123456"}, problems=(404,),
        note="All other sessions end. 422 for a wrong code.",
    ),
    "renew_recovery_codes": Operation(
        _TAG, {200: _CODES}, body=Code, body_example={"code": "123456"}, problems=(404, 409),
        note="The old ones are worth nothing. 422 for a wrong code.",
    ),
    "end_second_factor": Operation(
        _TAG, {204: _DONE}, body=Code, body_example={"code": "123456"}, problems=(404,),
        note="For one of the app's codes or a recovery code; all other sessions end. 422 for a wrong code.",
    ),
}  # fmt: skip
