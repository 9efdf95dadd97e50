"""The auth service: passwords and tokens; users and sessions are the user service's."""

import secrets
from typing import Any

import bcrypt
from marshmallow import Schema, ValidationError, fields, validate
from nameko.dependency_providers import Config
from nameko.rpc import RpcProxy, rpc

from bench.stock.tokens import LIFETIME, Tokens


class Registration(Schema):
    """The body of a registration."""

    email = fields.Email(required=True)
    password = fields.String(required=True, validate=validate.Length(8, 72))
    name = fields.String(required=True, validate=validate.Length(1, 100))


class Credentials(Schema):
    """The body of a login."""

    email = fields.Email(required=True)
    password = fields.String(required=True)


REGISTRATION, CREDENTIALS = Registration(), Credentials()


class WrongCredentials(Exception):
    """No such account, or another password."""


class AuthService:
    """Registration and login."""

    name = "auth"
    config = Config()
    users = RpcProxy("users")
    tokens = Tokens()

    @rpc(expected_exceptions=ValidationError)
    def register(self, data: dict[str, Any]) -> dict[str, Any]:
        """Make an account."""
        given = REGISTRATION.load(data)
        salt = bcrypt.gensalt(self.config["BCRYPT_ROUNDS"])
        hashed = bcrypt.hashpw(given["password"].encode(), salt).decode()
        made: dict[str, Any] = self.users.create(given["email"], given["name"], hashed)
        return made

    @rpc(expected_exceptions=(ValidationError, WrongCredentials))
    def login(self, data: dict[str, Any]) -> dict[str, Any]:
        """A pair of tokens for the right password."""
        given = CREDENTIALS.load(data)
        known = self.users.credentials(given["email"])
        hashed = known["password_hash"] if known else ""
        if not hashed or not bcrypt.checkpw(given["password"].encode(), hashed.encode()):
            raise WrongCredentials("Wrong address or password.")
        user, refresh_token = known["user"], secrets.token_urlsafe(32)
        session_id = self.users.open_session(user["id"], refresh_token)
        return {
            "access_token": self.tokens.make(user["id"], user["role"], session_id), "token_type": "Bearer",
            "expires_in": LIFETIME, "refresh_token": refresh_token, "user": user,
        }  # fmt: skip
