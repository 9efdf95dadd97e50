"""What a process says of the connection for its calls."""

from types import SimpleNamespace

import pytest
from amqp.exceptions import AccessRefused

from common.transport import link
from common.transport.link import Link


@pytest.mark.parametrize(
    ("problem", "level"),
    [(AccessRefused("access to topic refused"), "warning"), (ConnectionRefusedError("refused"), "debug")],
)
def test_a_broker_that_refuses_the_login_or_its_rights_is_told_of_and_one_that_is_not_up_yet_is_not(
    problem: Exception, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    levels = {one: lambda name, one=one, **fields: said.append(one) for one in ("warning", "debug")}
    monkeypatch.setattr(link, "log", SimpleNamespace(**levels))
    made = Link()
    made._wire, made.container = None, SimpleNamespace(config={"AMQP_URI": "amqp://a:b@127.0.0.1/"})
    made._report(problem)
    assert said == [level]
