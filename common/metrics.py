"""The numbers that every process shows at ``GET /metrics``. Labels are bounded: names, never ids."""

from collections.abc import Callable
from functools import cache
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from common.breaker import CLOSED, HALF_OPEN, OPEN, Breaker

disable_created_metrics()  # a series more for each counter, for a question that nobody has asked
_BREAKER_ORDER = (CLOSED, HALF_OPEN, OPEN)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

ENTRYPOINT_SECONDS = Histogram(
    "suite_entrypoint_seconds",
    "Time spent in an entrypoint that is not HTTP's.",
    ("kind", "method", "outcome"),
    buckets=_BUCKETS,
)
RPC_CALL_SECONDS = Histogram(
    "suite_rpc_call_seconds", "Time until a called service answered.", ("target", "outcome"), buckets=_BUCKETS
)
CALLS_REFUSED = Counter(
    "suite_rpc_calls_refused_total",
    "Calls that were not sent, by the guard that refused.",
    ("target", "guard"),
)
CALLS_REPEATED = Counter(
    "suite_rpc_calls_repeated_total", "Calls sent again since their connection was lost.", ("target",)
)
CALLS_SHARED = Counter(
    "suite_rpc_calls_shared_total", "Reads answered by the call of another that asked for the same.",
    ("target",),
)  # fmt: skip
HTTP_SECONDS = Histogram(
    "suite_http_request_seconds", "Time from a request's head to its answer.", ("method", "route"),
    buckets=_BUCKETS,
)  # fmt: skip
HTTP_REQUESTS = Counter("suite_http_requests_total", "HTTP answers.", ("method", "route", "status"))
HTTP_CONNECTIONS_REFUSED = Counter(
    "suite_http_connections_refused_total", "Connections refused since as many as may be were open."
)
RATE_LIMITED = Counter("suite_rate_limited_total", "Calls refused since a limit was reached.", ("limit",))
RATE_LIMIT_UNCHECKED = Counter(
    "suite_rate_limit_unchecked_total", "Counts left out since the store of the rate limits did not answer."
)
EVENTS_PUBLISHED = Counter("suite_events_published_total", "Events the broker confirmed.", ("event",))
EVENTS_HANDLED = Counter(
    "suite_events_handled_total", "Events consumed, by what came of it.", ("event", "outcome")
)
EVENT_DELAY_SECONDS = Histogram(
    "suite_event_delay_seconds",
    "From when an event happened until a handler begins with it, retries included; of a batch its first.",
    ("event",),
    buckets=_LONG_BUCKETS,
)
DEAD_LETTERED = Counter("suite_dead_lettered_total", "Messages that were given up.", ("queue",))
LOGINS = Counter("suite_logins_total", "Logins by what came of them.", ("outcome",))
MAIL_SEND_SECONDS = Histogram(
    "suite_mail_send_seconds", "Time with the mail server.", ("outcome",), buckets=_BUCKETS
)
MAILS = Counter("suite_mails_total", "Mails by template and outcome.", ("template", "outcome"))
OUTBOX_PENDING = Gauge("suite_outbox_pending", "Stored changes whose events are still to be published.")
OUTBOX_OLDEST_SECONDS = Gauge("suite_outbox_oldest_seconds", "How long the oldest of them has waited.")
QUEUE_MESSAGES = Gauge("suite_queue_messages", "Messages that wait in a queue.", ("queue",))
QUEUE_WAITING_SECONDS = Gauge(
    "suite_queue_waiting_seconds",
    "For how long a queue has not been seen empty: no message in it has waited longer.",
    ("queue",),
)
QUEUE_CONSUMERS = Gauge("suite_queue_consumers", "Consumers of a queue.", ("queue",))
MESSAGES = Gauge("suite_messages", "Messages of the ledger that are not at their end.", ("status",))
OLDEST_MESSAGE_SECONDS = Gauge(
    "suite_oldest_message_seconds", "How long the oldest message that could leave has waited."
)
DEAD_LETTERS = Gauge("suite_dead_letters", "Dead letters in the ledger.")
BREAKER_STATE = Gauge(
    "suite_breaker_state",
    "0 closed, 1 half-open, 2 open: calls are refused, or a queue is paused.",
    ("target",),
)
REVOCATIONS_CURRENT = Gauge(
    "suite_revocations_current", "1 while this process knows which sessions have ended, and lets people in."
)
BROKER_UP = Gauge("suite_broker_up", "1 while this process consumes from the broker.")
BROKER_BLOCKED = Gauge(
    "suite_broker_blocked", "1 while the broker takes no messages, for lack of memory or disk space."
)
RPC_LINK_UP = Gauge("suite_rpc_link_up", "1 while this process has its connection for calls.")
POOL_SIZE = Gauge("suite_pool_size", "How many places a pool has.", ("pool",))
POOL_IN_USE = Gauge("suite_pool_in_use", "How many of them are taken.", ("pool",))
POOL_WAITING = Gauge("suite_pool_waiting", "How many wait for a place.", ("pool",))
DEPENDENCY_UP = Gauge(
    "suite_dependency_up", "1 while the process's health report says that it is well.", ("dependency",)
)
HUB_LAG_SECONDS = Histogram(
    "suite_hub_lag_seconds", "How much later than asked the event loop wakes a green thread.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip
BUILD = Gauge("suite_build_info", "1, with the version and the service that this process runs.",
    ("service", "version"))  # fmt: skip
CERTIFICATE_EXPIRES = Gauge(
    "suite_certificate_expires_timestamp_seconds", "When the certificate of a setting ends.", ("setting",)
)
SECRET_SINCE = Gauge(
    "suite_secret_since_timestamp_seconds", "Since when the secret of a setting is used.", ("setting",)
)
_breakers: dict[str, Breaker] = {}
Number = Callable[[], float]


@cache
def entrypoint(kind: str, method: str, outcome: str) -> Any:
    """The histogram with these labels; looking it up costs the library more than counting does."""
    return ENTRYPOINT_SECONDS.labels(kind, method, outcome)


@cache
def rpc_call(target: str, outcome: str) -> Any:
    """The histogram of calls to that service with that outcome."""
    return RPC_CALL_SECONDS.labels(target, outcome)


@cache
def event_published(event: str) -> Any:
    """The counter of that event; a name from the events page."""
    return EVENTS_PUBLISHED.labels(event)


@cache
def event_handled(event: str, outcome: str) -> Any:
    """The counter of that event's outcomes."""
    return EVENTS_HANDLED.labels(event, outcome)


@cache
def mail(template: str, outcome: str) -> Any:
    """The counter of that template's mails."""
    return MAILS.labels(template, outcome)


@cache
def mail_seconds(outcome: str) -> Any:
    """The histogram of the time that mails with one outcome take; finding it takes longer than counting."""
    return MAIL_SEND_SECONDS.labels(outcome)


@cache
def http_answer(method: str, route: str, status: int) -> Any:
    """The counter of answers; routes are those of the URL map, so their number is bounded."""
    return HTTP_REQUESTS.labels(method, route, status)


@cache
def http_seconds(method: str, route: str) -> Any:
    """The histogram of a route's answers."""
    return HTTP_SECONDS.labels(method, route)


@cache
def event_delay(event: str) -> Any:
    """The histogram of how late that event is handled."""
    return EVENT_DELAY_SECONDS.labels(event)


def show_pool(pool: str, size: int, in_use: Number, waiting: Number | None = None) -> None:
    """Let the scrape see a pool; it is asked then and at no other time."""
    POOL_SIZE.labels(pool).set(size)
    POOL_IN_USE.labels(pool).set_function(in_use)
    if waiting is not None:
        POOL_WAITING.labels(pool).set_function(waiting)


def show_semaphore(pool: str, size: int, semaphore: Any) -> None:
    """The same for one of eventlet's semaphores, whose balance tells both."""
    show_pool(pool, size, lambda: size - semaphore.counter, lambda: semaphore.counter - semaphore.balance)


def exposition() -> tuple[bytes, str]:
    """The body and content type of a scrape."""
    return generate_latest(), CONTENT_TYPE_LATEST


def broker_is_up() -> bool:
    """Whether this process has a consuming connection to the broker, as far as it knows."""
    return bool(BROKER_UP._value.get())


def show_breaker(target: str, breaker: Breaker) -> None:
    """Let the scrape, and who asks for :func:`breaker_states`, see a breaker's state."""
    _breakers[target] = breaker
    BREAKER_STATE.labels(target).set_function(lambda: _BREAKER_ORDER.index(breaker.state))


def breaker_states() -> dict[str, str]:
    """The state of each breaker of this process, by what it guards."""
    return {target: breaker.state for target, breaker in sorted(_breakers.items())}
