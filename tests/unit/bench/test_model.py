"""What more instances would carry, reckoned from what a request costs."""

import pytest

from bench.micro import scaling
from bench.model import Costs, Plant, capacities, limit

COSTS = Costs(gateway=1.0, todos=0.5, broker=0.25, mongodb=0.2, queue=0.05)
ONE = {
    "per_second": 800.0, "p50_ms": 36.0, "gateway": 1.0, "todos": 0.5, "others": 0.01, "RabbitMQ": 0.25,
    "MongoDB": 0.2, "load": 0.03, "queue_share": 0.2,
}  # fmt: skip


def test_a_process_of_python_has_one_core_and_a_server_all_of_its_own() -> None:
    found = capacities(COSTS, Plant(gateways=2, todos=4, broker_cores=3, mongodb_cores=5))
    assert found == {
        "gateways": 2000, "todos": 8000, "RabbitMQ": 12_000, "queue `rpc-todos`": pytest.approx(20_000),
        "MongoDB": 25_000,
    }  # fmt: skip


def test_what_is_busy_first_is_the_limit() -> None:
    assert limit({"gateways": 2000.0, "todos": 800.0, "MongoDB": 900.0}) == ("todos", 800.0)


def test_no_number_of_instances_makes_the_queue_faster() -> None:
    few, many = (capacities(COSTS, Plant(count, count, 64, 64)) for count in (10, 100))
    assert few["queue `rpc-todos`"] == many["queue `rpc-todos`"]
    assert limit(many)[0] == "queue `rpc-todos`"


def test_a_plant_has_a_core_for_each_process_and_those_of_its_servers() -> None:
    assert Plant(10, 20, 12, 12).cores == 54


def test_the_queues_part_of_the_brokers_work_is_read_from_what_it_prints() -> None:
    assert scaling.reductions("[210,\n 4200]\n") == (210, 4200)


def test_costs_are_medians_of_the_shapes_and_the_queue_costs_its_share_of_the_brokers_time() -> None:
    assert scaling.costs([ONE | {"gateway": 9.0}, ONE | {"gateway": 0.1}, ONE]) == COSTS


def test_the_tables_show_each_shape_and_what_limits_each_plant() -> None:
    (head, rows), (_, modelled) = scaling.tables({"1 x 1": ONE, "2 x 2": ONE})
    assert rows[1] == (
        "2 x 2", "800", "36.0", "1.00", "0.50", "0.01", "0.25", "0.20", "0.03", "1.96", "20%",
    )  # fmt: skip
    assert len(head) == len(rows[0])
    least = next(row for row in modelled if row[0] == "**carries at most**")
    assert least[1] == "**1,000/s** (gateways)"
