import pytest

from ops import answering


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    for name in answering.DEFAULTS:
        monkeypatch.delenv(name, raising=False)


def test_without_variables_the_addresses_are_those_of_the_settings_file():
    assert answering.addresses() == {
        "rabbitmq": [("127.0.0.1", 5672)],
        "postgresql": [("127.0.0.1", 5432)],
        "mongodb": [("127.0.0.1", 27017)],
    }


def test_a_variable_wins(monkeypatch):
    monkeypatch.setenv("RABBITMQ_URL", "amqp://u:p@broker:5673/vhost")
    monkeypatch.setenv("DB_PORT", "5433")
    assert answering.addresses()["rabbitmq"] == [("broker", 5673)]
    assert answering.addresses()["postgresql"] == [("127.0.0.1", 5433)]


def test_a_replica_set_has_several_addresses(monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://u:p@one:27018,two/?replicaSet=rs0")
    assert answering.addresses()["mongodb"] == [("one", 27018), ("two", 27017)]
