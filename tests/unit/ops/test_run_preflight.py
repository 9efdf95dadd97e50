import os
import socket

import pytest

from ops.engines.ports import free_port
from ops.runner.preflight import check_ports, take_lock
from ops.runner.refusal import CannotRun


def config(**ports):
    return {"HTTP": {"host": "127.0.0.1", "ports": ports}}


def test_free_ports_pass_and_zero_is_any_port_even_twice():
    check_ports(config(users=free_port(), todos=0, auth=0))


def test_a_port_in_use_is_refused_with_the_variable_that_moves_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotRun, match=f"Port {port} for todos is in use.*TODOS_PORT"):
            check_ports(config(todos=port))


def test_the_gateways_variable_is_port():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(CannotRun, match="set PORT to another"),
    ):
        check_ports(config(gateway=taken.getsockname()[1]))


def test_one_port_for_two_services_is_refused():
    port = free_port()
    with pytest.raises(CannotRun, match="for users and for todos"):
        check_ports(config(users=port, todos=port))


def test_a_host_that_is_not_this_machines_is_refused():
    with pytest.raises(CannotRun, match="check HTTP_HOST"):
        check_ports({"HTTP": {"host": "192.0.2.1", "ports": {"users": free_port()}}})


def test_a_second_run_is_refused_with_the_first_ones_process(tmp_path):
    first = take_lock(tmp_path / "run.lock")
    with pytest.raises(CannotRun, match=rf"'make run' .* \(process {os.getpid()}\): stop it first"):
        take_lock(tmp_path / "run.lock")
    first.close()
    take_lock(tmp_path / "run.lock").close()


def test_a_run_is_refused_while_a_backup_uses_the_servers_and_told_what_to_wait_for(tmp_path):
    told = r"'make backup' is already running here .*: wait for its end"
    with take_lock(tmp_path / "run.lock", "make backup"), pytest.raises(CannotRun, match=told):
        take_lock(tmp_path / "run.lock")
