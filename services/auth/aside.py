"""Work that nobody waits for: it begins when the answer is ready, and its failure fails nothing else."""

from collections.abc import Callable
from functools import partial

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from common.logging import get_logger

log = get_logger()
Work = Callable[[], None]


class Aside(DependencyProvider):
    """Injects ``aside(work)``. What a stop of the process interrupts is not done again."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Work], None]:
        """The same for every worker."""
        return self.begin

    def begin(self, work: Work) -> None:
        """Run ``work`` in a thread of its own."""
        self.container.spawn_managed_thread(partial(_run, work), identifier="aside")


def _run(work: Work) -> None:
    # An error that got out of here would end the process.
    try:
        work()
    except Exception as problem:
        log.warning("aside_failed", exc_info=problem)
