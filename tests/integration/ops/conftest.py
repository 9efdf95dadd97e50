"""A MongoDB with logins, for the tests of who may do what."""

from collections.abc import Iterator

import pytest

from ops.engines.ports import free_port
from tests.integration.ops.guarded import GuardedMongoDB


@pytest.fixture(scope="session")
def guarded_mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMongoDB]:
    server = GuardedMongoDB(tmp_path_factory.mktemp("guarded"), free_port(), fast=True)
    server.start()
    try:
        server.wait_ready(60)
        yield server
    finally:
        server.kill()
