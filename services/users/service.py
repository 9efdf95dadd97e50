"""The user service: who may see and change which user. Passwords arrive hashed, and leave by one door."""

from datetime import timedelta
from typing import Any

from common.idempotency import Key
from common.identity import Allow
from common.paging import Page
from common.rpc import deleting, rpc
from common.schemas import load
from common.unsubscribe import UnsubscribeLinks
from services.users import domain
from services.users.access_token_api import AccessTokenApi
from services.users.audit import Audited
from services.users.audit_api import AuditApi
from services.users.schemas import (
    NewUser,
    UserChanges,
    UserQuery,
    UserReplacement,
    show_account,
    show_user,
)
from services.users.second_factor_api import SecondFactorApi
from services.users.users import contact

User = dict[str, Any]
Granted = dict[str, Any]
REVOKED_AT_ONCE = 10_000


class UsersService(AuditApi, SecondFactorApi, AccessTokenApi):
    """Users and sessions, owned in PostgreSQL."""

    name = "users"
    links: Any = UnsubscribeLinks()

    @rpc(allow=Allow.USER, idempotent=True, scope="profile:read")
    def get(self, user_id: str) -> User:
        """One user: oneself, or anyone for an administrator."""
        domain.check_may_see(self.caller, user_id)
        return show_user(self.store.users.get(user_id), to_admin=self.caller.is_admin)

    @rpc(allow=Allow.ADMIN, idempotent=True, scope="users:read")
    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """A page of users, newest first: ``{items, next_cursor, total}``."""
        page: Page[Any] = self.store.users.page(load(UserQuery, query))
        return page.show(lambda user: show_user(user, to_admin=True))

    @rpc(allow=Allow.USER, scope="profile:write")
    def update(self, user_id: str, changes: Any) -> User:
        """Change some fields (PATCH)."""
        return self._change(user_id, load(UserChanges, changes))

    @rpc(allow=Allow.USER, idempotent=True, scope="profile:write")
    def replace(self, user_id: str, data: Any) -> User:
        """Replace all fields (PUT)."""
        return self._change(user_id, load(UserReplacement, data))

    @rpc(allow=Allow.USER, idempotent=True)
    def delete(self, user_id: str) -> None:
        """Remove a user and all that is theirs, here and, by event, in the other services."""
        domain.check_may_see(self.caller, user_id)
        with deleting(self.is_repeated):
            self.store.users.delete(user_id)

    @rpc(allow=Allow.PUBLIC, idempotent=True)
    def unsubscription(self, token: str) -> dict[str, str]:
        """What a mail's link would switch off, and its owner's locale. Changes nothing."""
        user_id, preference = self.links.read(token)
        return {"preference": preference, "locale": self.store.users.get(user_id).locale}

    @rpc(allow=Allow.PUBLIC, idempotent=True)
    def unsubscribe(self, token: str) -> dict[str, str]:
        """Switch off what a mail's link names; again is fine. The token stands for its owner."""
        user_id, preference = self.links.read(token)
        user = self.store.users.update(user_id, {preference: False})
        return {"preference": preference, "locale": user.locale}

    @rpc(allow=Allow.SERVICE)
    def create(self, data: Any, idempotency_key: str = "", fingerprint: str = "") -> User:
        """A new user, its password hashed by auth; with a key, however often it is asked for, one."""
        key = Key(idempotency_key, fingerprint) if idempotency_key else None
        return show_account(self.store.users.add(**load(NewUser, data), idempotency_key=key))

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def credentials(
        self, email: str = "", user_id: str = "", guess: bool | str = False
    ) -> dict[str, Any] | None:
        """The one way out for a password's hash, by address or id: ``{user, password_hash, raised_from,
        disabled, has_second_factor}``. None for an address that has no account.

        With ``guess``, somebody is about to try a password: TooManyRequests while wrong ones cost a wait. It
        names what for, as the audit log does; an older version's ``True`` is a login.
        """
        user = self.store.users.get(user_id) if user_id else self.store.users.by_email(email)
        if guess:
            event = Audited(guess) if isinstance(guess, str) else Audited.LOGIN
            self.store.audit.check_waits(event, user.email if user else email, user.id if user else None)
        if user is None:
            return None
        told = {name: getattr(user, name) for name in ("password_hash", "raised_from", "has_second_factor")}
        return {"user": show_account(user), "disabled": user.disabled, **told}

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def contact(self, user_id: str) -> dict[str, Any]:
        """Where a user's mails go, which are wanted, and which version of the user says so."""
        return {"user_id": user_id, **contact(self.store.users.get(user_id))}

    @rpc(allow=Allow.SERVICE)
    def open_session(
        self, user_id: str, refresh_token: str, seconds: int, ip: str, user_agent: str,
        proof: dict[str, Any] | None = None,
    ) -> Granted | None:  # fmt: skip
        """Keep a login: ``{user, session_id}``, or None for who was disabled just now.

        None as well if ``proof``, what the login was checked against, is not enough any more:
        ``{password_hash, second_factor?}``.
        """
        kept = domain.fingerprint(refresh_token)
        lifetime = timedelta(seconds=seconds)
        checked = domain.Proof(**proof) if proof else None
        return _granted(self.store.sessions.open(user_id, kept, lifetime, ip, user_agent, checked))

    @rpc(allow=Allow.SERVICE)
    def rotate_session(self, refresh_token: str, new_refresh_token: str) -> Granted | None:
        """Exchange a refresh token: ``{user, session_id}``, or None where it is worth nothing."""
        old, new = domain.fingerprint(refresh_token), domain.fingerprint(new_refresh_token)
        return _granted(self.store.sessions.rotate(old, new))

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def revoked_sessions(self, after: str = "") -> dict[str, Any]:
        """Which sessions have ended, for a process that has to refuse their access tokens.

        A part of them, ``{session_ids, kept_until, next}``: ``kept_until`` has the Unix times for those that
        are remembered for longer than the others, ``next`` asks for the next part, if there is one.
        """
        sessions, found = self.store.sessions, self.store.sessions.revoked(after, REVOKED_AT_ONCE)
        return {
            "session_ids": [one for one, _ in found],
            "kept_until": {one: at.timestamp() for one, at in found if sessions.outlives_sessions(at)},
            "next": found[-1][0] if len(found) == REVOKED_AT_ONCE else None,
        }

    @rpc(allow=Allow.SERVICE)
    def verify_email(self, token: str) -> bool:
        """Use up the secret of a verification mail; False if it is worth nothing."""
        verified: bool = self.store.users.verify_email(token)
        return verified

    @rpc(allow=Allow.SERVICE)
    def request_email_verification(self, user_id: str) -> None:
        """Have a new verification mail sent, unless the address is verified."""
        self.store.users.request_verification(user_id)

    @rpc(allow=Allow.SERVICE)
    def request_password_reset(self, email: str) -> None:
        """Have a link sent to who has that address; nothing tells whether anybody has."""
        self.store.passwords.request_reset(email)

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def password_reset_owner(self, token: str) -> User | None:
        """Whose password the secret of a mail may set, or None. The secret stays good."""
        user = self.store.passwords.reset_owner(token)
        return show_account(user) if user else None

    @rpc(allow=Allow.SERVICE)
    def reset_password(self, token: str, password_hash: str, ip: str) -> bool:
        """Set a password by the secret of a mail, and end all sessions; False if it is worth nothing."""
        done: bool = self.store.passwords.reset(token, password_hash, ip)
        return done

    @rpc(allow=Allow.SERVICE)
    def change_password(self, user_id: str, old_hash: str, new_hash: str, session_id: str, ip: str) -> bool:
        """Set a password and end all sessions but that one; False if ``old_hash`` is not the present one."""
        done: bool = self.store.passwords.change(user_id, old_hash, new_hash, session_id, ip)
        return done

    @rpc(allow=Allow.SERVICE, idempotent=True)
    def raise_password_cost(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Keep a costlier hash of the same password; False if another was set meanwhile."""
        done: bool = self.store.passwords.raise_cost(user_id, old_hash, new_hash)
        return done

    def _change(self, user_id: str, changes: dict[str, Any]) -> User:
        domain.check_may_see(self.caller, user_id)
        domain.check_changes(self.caller, changes)
        user = self.store.users.update(user_id, changes)
        return show_user(user, to_admin=self.caller.is_admin)


def _granted(found: tuple[Any, Any] | None) -> Granted | None:
    return {"session_id": str(found[0].id), "user": show_account(found[1])} if found else None
