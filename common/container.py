"""The container that runs a service's workers: Nameko's, with less around each of them.

Nameko makes every dependency for every worker, asks each at four points of the worker's life whether it has
something to do, times each step for its debug log, and starts a green thread for a request whose connection
has one already. Here a dependency is made when a worker asks for it, but for those with ``at_start``.
"""

import sys
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet.event import Event
from eventlet.greenpool import GreenPool
from nameko.constants import DEFAULT_PARENT_CALLS_TRACKED, PARENT_CALLS_CONFIG_KEY
from nameko.containers import ServiceContainer, WorkerContext
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import DependencyProvider, Entrypoint

from common import trust
from common.ids import new_id

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
HandleResult = Callable[[WorkerContext, Any, Any], tuple[Any, Any]]
PATIENCE_SECONDS = 5
_TICK_SECONDS = 0.01
_CONTEXT = "_worker_context"


class NoPlace(Exception):
    """All places of the worker pool have been taken for too long."""


class _Later:
    """A dependency that a worker is given when it first asks for it: of a dozen a call needs one or two."""

    def __init__(self, provider: DependencyProvider) -> None:
        self._provider = provider

    def __get__(self, service: Any, owner: type) -> Any:
        if service is None:
            return self
        value = self._provider.get_dependency(service.__dict__[_CONTEXT])
        # From here on the attribute is the instance's own, and this is not asked again.
        service.__dict__[self._provider.attr_name] = value
        return value


class Worker(WorkerContext):
    """The context of a worker, whose ids are made with less ado."""

    _call_id: str | None
    _parent_call_id_stack: list[str]

    @property
    def call_id(self) -> str:
        """``service.method.id``, as Nameko has it."""
        if self._call_id is None:
            self._call_id = f"{self.service_name}.{self.entrypoint.method_name}.{new_id()}"
        return self._call_id

    @property
    def call_id_stack(self) -> list[str]:
        """This id after those of the calls that led here, as many as Nameko keeps."""
        parents = self.config.get(PARENT_CALLS_CONFIG_KEY, DEFAULT_PARENT_CALLS_TRACKED)
        return [*self._parent_call_id_stack, self.call_id][-parents - 1 :]


class Places(GreenPool):
    """The places of a container's workers, of which a stop waits until all are free.

    Where the last workers end while calls wait for their places, the first of those makes another event in
    eventlet's own pool, and who waits for the last one waits for ever.
    """

    def waitall(self) -> None:
        """Wait until nobody has a place, and nobody waits for one."""
        while self.sem.balance < self.size:
            eventlet.sleep(_TICK_SECONDS)


class SuiteContainer(ServiceContainer):
    """Named in the settings as ``SERVICE_CONTAINER_CLS``."""

    def __init__(self, service_cls: type, config: dict[str, Any]) -> None:
        super().__init__(service_cls, trust.complete(config))
        self._worker_pool = Places(self.max_workers)
        at_start = [one for one in self.dependencies if getattr(one, "at_start", False)]
        self._at_start = [(one.attr_name, one) for one in at_start]
        later = {one.attr_name: _Later(one) for one in self.dependencies if one not in at_start}
        self._worker_cls = type(service_cls.__name__, (service_cls,), later)
        self._setups = self._overriding("worker_setup")
        self._results = self._overriding("worker_result")
        self._teardowns = self._overriding("worker_teardown")

    def spawn_worker(
        self,
        entrypoint: Entrypoint,
        args: Args,
        kwargs: Kwargs,
        context_data: Kwargs | None = None,
        handle_result: HandleResult | None = None,
    ) -> WorkerContext:
        """Run a worker in a green thread of its own, as soon as the pool has a place for it."""
        if self._being_killed:
            raise ContainerBeingKilled()
        worker_ctx = Worker(self, self._worker_cls(), entrypoint, args, kwargs, data=context_data)
        thread = self._worker_pool.spawn(self._run_worker, worker_ctx, handle_result)
        self._worker_threads[worker_ctx] = thread
        thread.link(self._handle_worker_thread_exited, worker_ctx)
        return worker_ctx

    def run_worker_here(
        self, entrypoint: Entrypoint, args: Args, kwargs: Kwargs, data: Kwargs, handle_result: HandleResult
    ) -> None:
        """Run a worker in the caller's own green thread, which waits a while for a place in the pool first.

        The place is held as by any other worker, and a stop waits for it. Raises ContainerBeingKilled, or
        NoPlace.
        """
        if self._being_killed:
            raise ContainerBeingKilled()
        pool, here = self._worker_pool, eventlet.getcurrent()
        if not pool.sem.acquire(timeout=PATIENCE_SECONDS):
            raise NoPlace()
        # What the pool's own spawn does, for a green thread that is there already.
        if not pool.coroutines_running:
            pool.no_coros_running = Event()
        pool.coroutines_running.add(here)
        try:
            self.run_worker_beside(entrypoint, args, kwargs, data, handle_result)
        finally:
            pool._spawn_done(here)

    def run_worker_when_there_is_room(
        self, entrypoint: Any, args: Args, data: Kwargs, handle_result: HandleResult
    ) -> None:
        """The same for what can wait as long as it takes."""
        while True:
            try:
                self.run_worker_here(entrypoint, args, {}, data, handle_result)
            except NoPlace:
                continue
            return

    def run_worker_beside(
        self, entrypoint: Entrypoint, args: Args, kwargs: Kwargs, data: Kwargs, handle_result: HandleResult
    ) -> None:
        """The same without a place in the pool: for what has to answer while all places are taken."""
        service = self._worker_cls()
        self._run_worker(Worker(self, service, entrypoint, args, kwargs, data=data), handle_result)

    def _run_worker(self, worker_ctx: WorkerContext, handle_result: HandleResult | None) -> None:
        self._inject(worker_ctx)
        self._worker_setup(worker_ctx)
        result = exc_info = None
        try:
            method = getattr(worker_ctx.service, worker_ctx.entrypoint.method_name)
            result = method(*worker_ctx.args, **worker_ctx.kwargs)
        except Exception:
            exc_info = sys.exc_info()
        if handle_result is not None:
            result, exc_info = handle_result(worker_ctx, result, exc_info)
        self._worker_result(worker_ctx, result, exc_info)
        del exc_info  # it holds this frame, which holds it
        self._worker_teardown(worker_ctx)

    def _inject(self, worker_ctx: WorkerContext) -> None:
        service = worker_ctx.service
        service.__dict__[_CONTEXT] = worker_ctx
        for name, provider in self._at_start:
            setattr(service, name, provider.get_dependency(worker_ctx))

    # By these names Nameko's tools for tests look on.

    def _worker_setup(self, worker_ctx: WorkerContext) -> None:
        for provider in self._setups:
            provider.worker_setup(worker_ctx)

    def _worker_result(self, worker_ctx: WorkerContext, result: Any = None, exc_info: Any = None) -> None:
        for provider in self._results:
            provider.worker_result(worker_ctx, result, exc_info)

    def _worker_teardown(self, worker_ctx: WorkerContext) -> None:
        for provider in self._teardowns:
            provider.worker_teardown(worker_ctx)

    def _overriding(self, hook: str) -> list[DependencyProvider]:
        default = getattr(DependencyProvider, hook)
        return [one for one in self.dependencies if getattr(type(one), hook) is not default]
