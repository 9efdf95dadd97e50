"""Two services that call each other, and what is sent to them by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from common import topology
from tests.integration.common.calls import Mailbox, Middle, Target
from tests.integration.conftest import Run
from tests.integration.link import Link
from tests.integration.running import Running, Somebody, Wire, make_config


@pytest.fixture(scope="module", params=["fast", "stock"])
def config(vhost_uri: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    return make_config(AMQP_URI=vhost_uri, RPC_TRANSPORT=request.param)


@pytest.fixture(scope="module")
def target(config: dict[str, Any], module_run: Run) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topology, "SERVICES", (*topology.SERVICES, "target", "middle", "silent"))
        yield module_run(Target, config)


@pytest.fixture(scope="module")
def middle(target: Running, config: dict[str, Any], module_run: Run) -> Running:
    return module_run(Middle, config)


@pytest.fixture
def nothing_ends_a_process(target: Running, middle: Running, wire: Wire) -> Iterator[None]:
    wire.purge(topology.DEAD_LETTERS, "rpc-silent")
    Target.executed.clear()
    yield
    assert target.is_alive
    assert middle.is_alive
    assert middle.inject("target").echo(value="still there") == "still there"
    assert middle.provider("target").rpc_reply_listener.awaited == {}


@pytest.fixture
def call(middle: Running) -> Any:
    """The target as another service calls it."""
    return middle.inject("target")


@pytest.fixture
def ada(config: dict[str, Any], middle: Running) -> Iterator[Somebody]:
    somebody = Somebody(config)
    yield somebody
    somebody.stop()


@pytest.fixture
def mailbox(wire: Wire) -> Mailbox:
    return Mailbox(wire)


@pytest.fixture
def mongo_link(mongo_uri: str) -> Iterator[Link]:
    """The way to MongoDB, for who calls the server by the link's address."""
    one = Link(mongo_uri)
    yield one
    one.cut()
