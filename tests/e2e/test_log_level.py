"""The level of the log, changed by an administrator while the suite runs."""

from collections.abc import Callable, Iterator

import pytest
from nameko.standalone.rpc import ClusterRpcProxy

from common import context
from common.errors import Forbidden, ValidationFailed
from tests.e2e.client import Client
from tests.suite import Suite

Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture
def call(suite: Suite) -> Iterator[Callable[[str, str, str], object]]:
    """Calls `set_log_level` of a service with somebody's token, as `nameko shell` does."""
    with ClusterRpcProxy({"AMQP_URI": suite.environment["RABBITMQ_URL"]}, timeout=10) as services:

        def set_level(service: str, level: str, token: str) -> object:
            services._worker_ctx.data[context.AUTH_TOKEN] = token
            return getattr(services, service).set_log_level(level=level)

        yield set_level


def test_all_instances_of_a_service_change_their_level(
    suite: Suite, admin: Client, eventually: Eventually, call: Callable[..., object]
) -> None:
    def told(level: str) -> bool:
        lines = suite.log_file("todos").read_text().splitlines()
        return any("log_level_set" in line and level in line for line in lines)

    assert call("todos", "warning", admin.token) == {"level": "WARNING"}
    eventually(lambda: told('"WARNING"'))
    before = suite.log_file("todos").read_text()
    admin.get("/api/todos")
    assert '"info"' not in suite.log_file("todos").read_text()[len(before) :]
    call("todos", "INFO", admin.token)
    eventually(lambda: told('"INFO"'))
    admin.get("/api/todos")
    eventually(lambda: "todos.list" in suite.log_file("todos").read_text()[len(before) :])


def test_nobody_else_may_and_no_other_word_is_a_level(
    ada: Client, admin: Client, call: Callable[..., object]
) -> None:
    with pytest.raises(Forbidden):
        call("gateway", "DEBUG", ada.token)
    with pytest.raises(ValidationFailed):
        call("gateway", "LOUD", admin.token)
