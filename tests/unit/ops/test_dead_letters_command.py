"""`make dead-letters` while the messaging service says nothing."""

import pytest
from nameko.exceptions import RpcTimeout

from ops import dead_letters


def test_a_silent_service_is_named_with_the_seconds_that_were_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*args: object, **more: object) -> None:
        raise RpcTimeout(10)

    monkeypatch.setattr(dead_letters, "ClusterRpcProxy", silent)
    monkeypatch.setenv("RPC_DEADLINE", "10")
    with pytest.raises(SystemExit, match="The messaging service has not answered within 10 s"):
        dead_letters.main()
