"""Calls between services: with a deadline, with the caller's access checked, safe against poison.

``rpc`` is the entrypoint, ``Service`` the way to call one. Both speak Nameko's own wire format, so
``nameko shell``, ``ClusterRpcProxy`` and a stock Nameko service can call and be called.

A call carries the time after which nobody waits for its answer. The next hop inherits what is left
of it, the request expires in the queue with it, and a service does not start on one that is over.
Requests and replies live for milliseconds, so they are transient; what must survive is an event.
"""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any

from kombu.message import Message as Received
from nameko.containers import WorkerContext
from nameko.exceptions import ContainerBeingKilled, MalformedRequest
from nameko.extensions import DependencyProvider
from nameko.rpc import Rpc, RpcProxy

from common import context, scopes
from common.errors import DeadlineExceeded, NotFound, SuiteError, Unavailable
from common.identity import Allow, Tokens
from common.logging import get_logger
from common.rpc_calls import Client
from common.rpc_consumer import SafeRpcConsumer
from common.rpc_transports import Replies

log = get_logger()


class RpcEntrypoint(Rpc):
    """``@rpc(allow=Allow.USER)``: a method that others may call, and whom it serves.

    ``scope`` is what a personal access token must be for; without it, none will do.

    ``quiet`` leaves the line of a successful call out of the log (health probes). A call whose service
    died in the middle is delivered to the next one; that one carries it out only if it is ``idempotent``,
    as reading is, or has an ``idempotency_key``, and answers Unavailable otherwise: nobody can know how far
    the first one came. One that would fail where the first has succeeded asks :class:`Repeated`.

    A call that is not ``pooled`` needs no place among the workers: it is answered while they all wait for a
    database that is silent, which is when somebody asks how the process is.
    """

    rpc_consumer = SafeRpcConsumer()
    tokens = Tokens()
    kind = "rpc"

    def __init__(
        self, allow: Allow, quiet: bool = False, idempotent: bool = False, scope: str = "",
        pooled: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(expected_exceptions=SuiteError, **kwargs)
        self.allow = allow
        self.scope = scopes.checked(scope)
        self.quiet = quiet
        self.idempotent = idempotent
        self.pooled = pooled
        self._names: tuple[frozenset[str], frozenset[str]] | None = None

    def unpack_message_headers(self, message: Received) -> dict[str, Any]:
        """The context keys that the suite knows, and nothing else."""
        return context.received(message.headers)

    def handle_message(self, body: Any, message: Received) -> None:
        """Refuse what nobody waits for and who may not; then start a worker.

        All of Nameko's own method is here, which would read the headers once more.
        """
        data = self.unpack_message_headers(message)
        self._admit(body, message, data)
        try:
            args, kwargs = body["args"], body["kwargs"]
        except KeyError:
            raise MalformedRequest("Message missing `args` or `kwargs`") from None
        self.check_signature(args, kwargs)
        answer = partial(self.handle_result, message)
        if not self.pooled:
            beside = partial(self.container.run_worker_beside, self, args, kwargs, data, answer)
            self.container.spawn_managed_thread(beside, identifier=self.method_name)
            return
        try:
            self.container.spawn_worker(self, args, kwargs, data, answer)
        except ContainerBeingKilled:
            self.rpc_consumer.requeue_message(message)

    def _admit(self, body: Any, message: Received, data: dict[str, Any]) -> None:
        if message.delivery_info.get("redelivered"):
            if not (self.idempotent or _has_key(body)):
                raise Unavailable(
                    "interrupted", "The call was interrupted: it may have been carried out or not."
                )
            data[context.REPEATED] = "yes"
        try:
            self.tokens.authorize(self.allow, data, self.scope)
        except SuiteError as refusal:
            log.info(
                "auth_failed", entrypoint=self.method_name, code=refusal.code,
                request_id=data.get(context.REQUEST_ID),
            )  # fmt: skip
            raise
        if context.remaining(data, 1.0) <= 0:
            raise DeadlineExceeded("deadline_exceeded", "The call's deadline had passed before it began.")

    def check_signature(self, args: Any, kwargs: Any) -> None:
        """Raise IncorrectSignature for arguments that the method does not take.

        Nameko binds them anew for each call; here only what looks wrong is given to it.
        """
        if self._names is None:
            self._names = _names(getattr(self.container.service_cls, self.method_name))
        required, known = self._names
        if args or not isinstance(kwargs, dict) or not required <= kwargs.keys() <= known:
            super().check_signature(args, kwargs)


rpc = RpcEntrypoint.decorator


class Repeated(DependencyProvider):
    """Injects whether this call may have been carried out already, by a process that has died since."""

    def get_dependency(self, worker_ctx: WorkerContext) -> bool:
        """As the context tells."""
        return context.REPEATED in worker_ctx.data


def deleting(is_repeated: bool) -> AbstractContextManager[None]:
    """Around a deletion: NotFound is an answer the first time, and tells later that all is done."""
    return suppress(NotFound) if is_repeated else nullcontext()


class Service(RpcProxy):
    """Injects a client for another service: ``users = Service("users")``, ``self.users.get(user_id=...)``.

    ``as_service`` adds the proof that one of the suite's services is calling. ``deadline`` is in seconds;
    without it, ``RPC_DEADLINE`` of the configuration holds. A deadline inherited from the caller's
    caller always wins if it is earlier. ``is_stock``: the other service runs on Nameko's own classes.
    """

    rpc_reply_listener = Replies()
    tokens = Tokens()

    def __init__(
        self,
        target_service: str,
        as_service: bool = False,
        deadline: float | None = None,
        is_stock: bool = False,
    ) -> None:
        super().__init__(target_service)
        self.as_service = as_service
        self.deadline = deadline
        self.is_stock = is_stock

    def setup(self) -> None:
        """Look up what all workers share."""
        self._seconds = self.deadline or float(self.container.config["RPC_DEADLINE"])
        self._proof = self.tokens if self.as_service else None
        self._guard = self.rpc_reply_listener.guard_of(self.target_service)

    def get_dependency(self, worker_ctx: WorkerContext) -> Client:
        """A client bound to this worker's context."""
        return Client(
            worker_ctx, self.target_service, self.rpc_reply_listener, self._seconds, self._proof, self._guard,
            self.is_stock,
        )  # fmt: skip


def _names(method: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str]]:
    """The names of the arguments that a method must have, and of all that it may have."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    required = frozenset(one.name for one in parameters if one.default is one.empty)
    return required, frozenset(one.name for one in parameters)


def _has_key(body: Any) -> bool:
    arguments = body.get("kwargs")
    return isinstance(arguments, dict) and bool(arguments.get("idempotency_key"))
