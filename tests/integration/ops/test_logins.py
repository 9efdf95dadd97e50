"""The logins that `make run` tries before it starts the services, against real servers."""

import pytest

from ops.runner import logins
from ops.runner.logins import check_mongodb, check_postgresql, check_rabbitmq
from ops.runner.refusal import CannotRun


@pytest.fixture
def settings(postgresql):
    return {
        "host": "127.0.0.1",
        "port": postgresql.port,
        "username": postgresql.username,
        "password": postgresql.password,
        "database": postgresql.database,
    }


def refusal(check, address):
    with pytest.raises(CannotRun) as refused:
        check(address)
    text = str(refused.value)
    assert "\n" not in text
    return text


def test_right_logins_pass(rabbitmq, settings, mongodb):
    check_rabbitmq(rabbitmq.uri)
    check_postgresql(settings)
    check_mongodb(mongodb.uri)


def test_a_wrong_broker_password_is_told_with_its_variable(rabbitmq):
    uri = f"amqp://guest:wrong@127.0.0.1:{rabbitmq.port}/"
    assert "refuses the login of 'guest': correct user and password in RABBITMQ_URL" in refusal(
        check_rabbitmq, uri
    )


def test_a_virtual_host_that_is_not_there_is_named(rabbitmq):
    assert "no virtual host 'nowhere'" in refusal(check_rabbitmq, rabbitmq.uri_of("nowhere"))


def test_a_server_that_is_no_broker_is_told(mongodb, monkeypatch):
    monkeypatch.setattr(logins, "TIMEOUT_SECONDS", 1)
    uri = f"amqp://guest:guest@127.0.0.1:{mongodb.port}/"
    assert "RabbitMQ can't be used" in refusal(check_rabbitmq, uri)


def test_a_wrong_database_password_is_told_with_its_variable(settings):
    text = refusal(check_postgresql, settings | {"password": "wrong"})
    assert "refuses the login of 'postgres': correct DB_USERNAME and DB_PASSWORD" in text


def test_a_database_that_is_not_there_is_named(settings):
    assert "no database 'nothing'" in refusal(check_postgresql, settings | {"database": "nothing"})


def test_a_server_that_is_no_postgresql_is_told(settings, rabbitmq):
    assert "PostgreSQL can't be used" in refusal(check_postgresql, settings | {"port": rabbitmq.port})


def test_a_mongodb_user_that_is_not_there_is_told(mongodb):
    uri = f"mongodb://anna:wrong@127.0.0.1:{mongodb.port}/?directConnection=true"
    assert "MongoDB refuses the login" in refusal(check_mongodb, uri)


def test_a_mongodb_address_that_is_none_is_told():
    assert "check MONGODB_URI" in refusal(check_mongodb, "mongo//nothing")
