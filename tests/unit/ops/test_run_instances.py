import pytest

from ops.runner.instances import SERVICES, Instance, parse_scale
from ops.runner.refusal import CannotRun


def test_without_scale_every_service_runs_once():
    assert [one.name for one in parse_scale("")] == list(SERVICES)


def test_further_instances_are_numbered_from_two():
    names = [one.name for one in parse_scale("todos=3 gateway=2")]
    assert [name for name in names if name.startswith("todos")] == ["todos", "todos.2", "todos.3"]
    assert "gateway.2" in names
    assert len(names) == len(SERVICES) + 3


def test_commas_separate_as_well_as_spaces():
    assert parse_scale("todos=2,auth=2") == parse_scale(" todos=2  auth=2 ")


def test_a_further_instance_takes_any_free_port():
    assert Instance("todos", 2).environment == {"TODOS_PORT": "0"}
    assert Instance("todos").environment == {}


def test_gateways_share_their_port():
    assert Instance("gateway", 2).environment == {}


@pytest.mark.parametrize(
    "text", ["mails=2", "todos", "todos=", "todos=0", "todos=-1", "todos=many", "todos=33"]
)
def test_a_scale_that_makes_no_sense_is_refused_with_its_name(text):
    with pytest.raises(CannotRun, match="SCALE"):
        parse_scale(text)
