"""TLS to the servers: what the settings ask for, and files that can't work are told by their variable."""

import copy
import ssl
from typing import Any

import pytest

from common import config as settings
from common import trust
from tests.certificates import Pair, make_pair

TLS_URL = "amqps://suite:sesame-sesame@broker.example.org/"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


def given(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    for name, value in changes.items():
        config[name] = {**config[name], **value} if isinstance(value, dict) else value
    return config


def test_a_plain_broker_is_spoken_to_without_tls(config: dict[str, Any]) -> None:
    assert "AMQP_SSL" not in trust.complete(config)


def test_the_broker_s_certificate_and_name_are_checked(config: dict[str, Any], pair: Pair) -> None:
    files = {"ca": str(pair.certificate), "cert": str(pair.certificate), "key": str(pair.key)}
    asked = given(config, AMQP_URI=TLS_URL, RABBITMQ_TLS=files)
    assert settings.validate(asked) == []
    options = trust.complete(asked)["AMQP_SSL"]
    assert options["cert_reqs"] == ssl.CERT_REQUIRED
    assert options["server_hostname"] == "broker.example.org"
    assert [options[name] for name in ("ca_certs", "certfile", "keyfile")] == list(files.values())


def test_without_a_named_authority_those_of_the_system_count(config: dict[str, Any]) -> None:
    options = trust.complete(given(config, AMQP_URI=TLS_URL))["AMQP_SSL"]
    assert options["cert_reqs"] == ssl.CERT_REQUIRED
    assert not {"ca_certs", "certfile", "keyfile"} & set(options)


def test_what_postgresql_s_library_is_not_told_it_decides_itself(config: dict[str, Any]) -> None:
    bare = {key: value for key, value in config["POSTGRES"].items() if not key.startswith("ssl")}
    assert not {"sslmode", "sslrootcert"} & set(trust.libpq(bare))
    full = trust.libpq(bare | {"sslmode": "verify-full", "sslrootcert": "/ca.pem"})
    assert (full["sslmode"], full["sslrootcert"]) == ("verify-full", "/ca.pem")


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("mongodb://db/?tls=true", True), ("mongodb://db/?replicaSet=rs0&TLS=True", True),
        ("mongodb://db/?ssl=true", True), ("mongodb://db/?tls=false", False), ("mongodb://db/", False),
    ],
)  # fmt: skip
def test_mongodb_is_asked_for_tls_by_its_address(config: dict[str, Any], uri: str, wanted: bool) -> None:
    assert trust.wants_mongodb(given(config, MONGODB_URI=uri)) is wanted


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("RABBITMQ_CA is set, and RABBITMQ_URL does not begin with amqps://", {"RABBITMQ_TLS": {"ca": "{ca}"}}),
    ("RABBITMQ_CERT and RABBITMQ_KEY", {"AMQP_URI": TLS_URL, "RABBITMQ_TLS": {"cert": "{ca}"}}),
    ("RABBITMQ_CA: {key} holds no certificate", {"AMQP_URI": TLS_URL, "RABBITMQ_TLS": {"ca": "{key}"}}),
    (
        "RABBITMQ_CA: {ca}x can't be read: No such file or directory.",
        {"AMQP_URI": TLS_URL, "RABBITMQ_TLS": {"ca": "{ca}x"}},
    ),
    (
        "RABBITMQ_CERT: {ca} holds no certificate whose key",
        {"AMQP_URI": TLS_URL, "RABBITMQ_TLS": {"cert": "{ca}", "key": "{ca}"}},
    ),
    ("DB_SSLMODE is 'on': set it to one of", {"POSTGRES": {"sslmode": "on"}}),
    ("DB_SSLMODE=verify-full needs DB_SSLROOTCERT", {"POSTGRES": {"sslmode": "verify-full"}}),
    ("DB_SSLROOTCERT: {ca}x can't be read", {"POSTGRES": {"sslmode": "require", "sslrootcert": "{ca}x"}}),
    (
        "MONGODB_URI, tlsCAFile: {ca}x can't be read",
        {"MONGODB_URI": "mongodb://db/?tls=true&tlsCAFile={ca}x"},
    ),
    (
        "MONGODB_URI, tlsCertificateKeyFile: {ca} holds no certificate whose key",
        {"MONGODB_URI": "mongodb://db/?tls=true&tlsCertificateKeyFile={ca}"},
    ),
]


@pytest.mark.parametrize(("line", "changes"), WRONG)
def test_what_can_not_work_is_told_in_one_line(
    config: dict[str, Any], pair: Pair, line: str, changes: dict[str, Any]
) -> None:
    (problem,) = settings.validate(given(config, **_filled(changes, pair)))
    assert problem.startswith(_filled(line, pair))
    assert "\n" not in problem


def _filled(value: Any, pair: Pair) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, pair) for key, one in value.items()}
    return value.replace("{ca}", str(pair.certificate)).replace("{key}", str(pair.key))
