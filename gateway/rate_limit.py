"""How often somebody may call: limits as text in ``config.yml``, counted by the ``limits`` library's rules.

Calls without a login count by the client's address, others by user. What invites guessing or costs a
password's hash counts by account and by address besides, before that work is done. An account that does not
exist counts like one that does.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import limits
from nameko.extensions import SharedExtension

from common import metrics
from common.addresses import LONGEST, email_key
from common.errors import TooManyRequests
from common.forwarded import network_of
from common.identity import Identity
from common.request import Request
from gateway.rate_limit_store import Counters, Usage, make_counters

Asked = tuple[str, str]
"""The name of a limit, and who is to be counted."""
_TAKEN = "gateway.rate_limit.taken"


@dataclass(frozen=True)
class Guarded:
    """A path with limits of its own: their name, and which answers count; the others are taken back.

    The account is the caller's, or the one whose address a field of the body names.
    """

    limit: str
    counted: frozenset[int]
    field: str = ""


GUARDED = {
    "/api/auth/login": Guarded("login", frozenset((401,)), "email"),
    # Codes count by account in the user service, with waits that grow: a challenge does not name its account.
    "/api/auth/login/second-factor": Guarded("login", frozenset((401,))),
    "/api/auth/second-factor": Guarded("login", frozenset((422,))),
    "/api/auth/register": Guarded("register", frozenset((201, 409)), "email"),
    "/api/auth/password/forgot": Guarded("forgot", frozenset((202,)), "email"),
    "/api/auth/password/reset": Guarded("reset", frozenset((204, 400))),
    "/api/auth/password/change": Guarded("login", frozenset((400, 401, 403, 422))),
    "/api/users/me/export": Guarded("export", frozenset((200,))),
    "/api/auth/email/resend": Guarded("forgot", frozenset((202,))),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, with the name that clients see."""

    name: str
    amount: int
    seconds: int

    @property
    def policy(self) -> str:
        """As in the header RateLimit-Policy."""
        return f'"{self.name}";q={self.amount};w={self.seconds}'

    def key(self, who: str) -> str:
        """Under which somebody's calls are counted."""
        return f"{self.name}/{self.amount}/{self.seconds}/{who}"


@dataclass(frozen=True, slots=True)
class Slot:
    """What a call has taken of a limit."""

    limit: Limit
    who: str
    usage: Usage

    @property
    def remaining(self) -> int:
        """How many calls are left until the window ends."""
        return max(0, self.limit.amount - self.usage.count)

    @property
    def reset(self) -> int:
        """Whole seconds until the window ends; a call after them is in the next one."""
        return max(1, math.ceil(self.usage.seconds_left))

    @property
    def is_exceeded(self) -> bool:
        """Whether this call is one too many."""
        return self.usage.count > self.limit.amount


class RateLimits(SharedExtension):
    """Counts calls against the limits of ``RATE_LIMITS``."""

    def setup(self) -> None:
        """Read the limits, and begin to connect to the store."""
        settings = self.container.config["RATE_LIMITS"]
        self.is_on = bool(settings["enabled"])
        self._limits = read_limits(settings)
        if self.is_on:
            self._counters: Counters = make_counters(settings["storage_uri"])

    def take(self, request: Request, caller: Identity | None) -> None:
        """Count a call by its user, or by its client's address; TooManyRequests if it is one too many."""
        if self.is_on:
            self._take(request, [("user", caller.user_id) if caller else ("anonymous", client(request))])

    def take_guarded(self, request: Request, path: str, caller: Identity | None) -> None:
        """Count a call of a guarded path once more, by address and account."""
        guarded = GUARDED.get(path)
        if self.is_on and guarded:
            asked = [(f"{guarded.limit}-address", client(request))]
            account = account_of(request, guarded, caller)
            if account:
                asked.append((guarded.limit, account))
            self._take(request, asked)

    def settle(self, request: Request, path: str, status: int) -> None:
        """Take back the counts of a guarded path, if its answer is none that counts."""
        guarded = GUARDED.get(path)
        if guarded and status not in guarded.counted:
            for slot in request.environ.get(_TAKEN, ()):
                if slot.limit.name.startswith(guarded.limit):
                    self._counters.take_back(slot.limit.key(slot.who), slot.limit.seconds)

    def _take(self, request: Request, asked: Sequence[Asked]) -> None:
        slots: list[Slot] = request.environ.setdefault(_TAKEN, [])
        try:
            for name, who in asked:
                for limit in self._limits.get(name, ()):
                    self._take_one(slots, limit, who)
        finally:
            request.answer_headers.update(headers(slots))

    def _take_one(self, slots: list[Slot], limit: Limit, who: str) -> None:
        usage = self._counters.add(limit.key(who), limit.seconds)
        if usage is None:
            return
        slot = Slot(limit, who, usage)
        slots.append(slot)
        if slot.is_exceeded:
            metrics.RATE_LIMITED.labels(limit.name).inc()
            raise too_many(slot)


def read_limits(settings: dict[str, Any]) -> dict[str, tuple[Limit, ...]]:
    """The limits by name; where one text holds several, each is named after its window too."""
    found = {}
    for name, text in settings.items():
        if name not in ("enabled", "storage_uri"):
            items = limits.parse_many(text)
            found[name] = tuple(
                Limit(name if len(items) == 1 else f"{name}-{it.get_expiry()}s", it.amount, it.get_expiry())
                for it in items
            )
    return found


def client(request: Request) -> str:
    """Whom an address stands for: itself, or for IPv6 its network of 64 bits, which one customer has."""
    return network_of(request.remote_addr or "")


def account_of(request: Request, guarded: Guarded, caller: Identity | None) -> str:
    """The account that a call is about; empty if it names none. No address is kept, only its hash."""
    if caller:
        return caller.user_id
    named = request.payload.get(guarded.field) if isinstance(request.payload, dict) else None
    if not isinstance(named, str) or len(named.strip()) > LONGEST:
        return ""
    return hashlib.sha256(email_key(named.strip()).encode()).hexdigest()


def headers(slots: Sequence[Slot]) -> dict[str, str]:
    """What clients are told: the limit that is nearest to its end, and all that were counted."""
    if not slots:
        return {}
    nearest = min(slots, key=lambda slot: (not slot.is_exceeded, slot.remaining))
    return {
        "RateLimit-Limit": str(nearest.limit.amount),
        "RateLimit-Remaining": str(nearest.remaining),
        "RateLimit-Reset": str(nearest.reset),
        "RateLimit": ", ".join(f'"{it.limit.name}";r={it.remaining};t={it.reset}' for it in slots),
        "RateLimit-Policy": ", ".join(slot.limit.policy for slot in slots),
    }


def too_many(slot: Slot) -> TooManyRequests:
    """The refusal of a call that is one too many."""
    return TooManyRequests(
        "rate_limited",
        f"Too many requests: try again in {slot.reset} s.",
        {"retry_after": str(slot.reset)},
    )
