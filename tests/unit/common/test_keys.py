"""Keys: old ones that count for a while, public ones, and each attack of RFC 8725 on their choice."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from common import config as settings
from common.errors import Unauthenticated
from common.identity import ACCESS_TYPE, PERSONAL_TYPE, Allow, Tokens
from common.keys import KeySet, problems, shared_keys
from common.unsubscribe import Links
from services.auth.tokens import Signer, TokenSigner
from tests.unit.common.test_identity import OTHER, SECRET, claims, tokens_of

Setting = dict[str, Any]
DAY = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Private and public keys of both kinds, and some that are of no use."""
    found = tmp_path_factory.mktemp("keys")
    made: dict[str, Any] = {
        "EdDSA": ed25519.Ed25519PrivateKey.generate(), "EdDSA-old": ed25519.Ed25519PrivateKey.generate(),
        "RS256": rsa.generate_private_key(65537, 2048), "short": rsa.generate_private_key(65537, 1024),
        "curve": ec.generate_private_key(ec.SECP256R1()),
    }  # fmt: skip
    for name, key in made.items():
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (found / f"{name}.pem").write_bytes(private)
        (found / f"{name}.pub").write_bytes(public)
    (found / "none.pem").write_text("no key")
    return found


def with_key(folder: Path, algorithm: str, **changes: str) -> Setting:
    base = {
        "JWT_ALGORITHM": algorithm,
        "JWT_PRIVATE_KEY": str(folder / f"{algorithm}.pem"),
        "JWT_PUBLIC_KEYS": "",
    }
    return base | changes


def process(**changes: Any) -> Tokens:
    """A process that verifies, with these settings."""
    tokens = tokens_of()
    tokens.container.config.update(changes)
    tokens.setup()
    tokens._verified.clear()
    return tokens


def auth(config: Setting, **changes: Any) -> Signer:
    """What the auth service signs with."""
    provider = TokenSigner()
    provider.container = SimpleNamespace(
        config=config | {"JWT_SECRET": SECRET, "JWT_EXPIRES_IN": "1h"} | changes
    )
    provider.setup()
    return provider.signer


def lets_in(tokens: Tokens, token: str) -> bool:
    try:
        return tokens.identify(token).user_id == "u-1"
    except Unauthenticated as refusal:
        assert refusal.code == "invalid_token"
        return False


def token_of(signer: Signer) -> str:
    return signer.access_token("u-1", "user", "s-1")


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def forged(header: Setting, key: bytes) -> str:
    """A token signed with HMAC by hand: no library stands in the way."""
    body = f"{part({'typ': ACCESS_TYPE, **header})}.{part(claims())}"
    return f"{body}.{part(hmac.new(key, body.encode(), hashlib.sha256).digest())}"


def test_a_secret_that_was_replaced_counts_until_it_is_taken_out(config: Setting) -> None:
    old, new = token_of(auth(config)), token_of(auth(config, JWT_SECRET=OTHER))
    between, after = process(JWT_SECRET=OTHER, JWT_SECRET_PREVIOUS=SECRET), process(JWT_SECRET=OTHER)
    assert [lets_in(between, one) for one in (old, new)] == [True, True]
    assert [lets_in(after, one) for one in (old, new)] == [False, True]
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]


def test_what_is_signed_for_other_processes_and_in_mails_outlives_a_new_secret_too(config: Setting) -> None:
    old, between = process(), process(JWT_SECRET=OTHER, JWT_SECRET_PREVIOUS=SECRET)
    between.authorize(Allow.SERVICE, {"service_token": old.service_token()})
    with pytest.raises(Unauthenticated):
        old.authorize(Allow.SERVICE, {"service_token": between.service_token()})
    link = Links(SECRET, "https://x.example").link("u-1", "todo_mails").rpartition("=")[2]
    assert Links(OTHER, "https://x.example", (SECRET,)).read(link) == ("u-1", "todo_mails")
    challenge = auth(config).challenge("u-1", "h")
    assert (
        auth(config, JWT_SECRET=OTHER, JWT_SECRET_PREVIOUS=SECRET).read_challenge(challenge)["sub"] == "u-1"
    )


def test_a_token_of_the_version_before_which_names_no_key_is_of_one_of_the_secrets() -> None:
    between = process(JWT_SECRET=OTHER, JWT_SECRET_PREVIOUS=SECRET)
    for secret, good in ((SECRET, True), (OTHER, True), ("x" * 40, False)):
        token = jwt.encode(claims(), secret, "HS256", headers={"typ": ACCESS_TYPE})
        assert lets_in(between, token) is good


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_with_a_private_key_auth_signs_and_others_need_its_public_half_alone(
    config: Setting, folder: Path, algorithm: str
) -> None:
    signer = auth(config | with_key(folder, algorithm))
    public = {"JWT_PRIVATE_KEY": "", "JWT_PUBLIC_KEYS": str(folder / f"{algorithm}.pub")}
    other = process(**with_key(folder, algorithm, **public))
    assert lets_in(other, token_of(signer))
    personal, _ = signer.personal_token("u-1", "user", "t-1", ["todos:read"], 30)
    assert other.identify(personal).scopes == {"todos:read"}
    assert jwt.get_unverified_header(personal)["typ"] == PERSONAL_TYPE
    [key] = other.keys.jwks()["keys"]
    by_itself = jwt.PyJWK(key)
    assert jwt.decode(token_of(signer), by_itself, audience="suite")["sub"] == "u-1"
    assert key["kid"] == jwt.get_unverified_header(personal)["kid"]
    assert not {"d", "p", "q", "k"} & set(key)
    assert not lets_in(other, token_of(auth(config)))  # nor does the secret sign for users any more
    with pytest.raises(Exception, match="JWT_PRIVATE_KEY"):
        auth(config | with_key(folder, algorithm, **public))


def test_a_suite_goes_over_to_a_key_and_from_one_key_to_the_next_without_ending_sessions(
    config: Setting, folder: Path
) -> None:
    hashed, first = token_of(auth(config)), auth(config | with_key(folder, "EdDSA"))
    over = process(**with_key(folder, "EdDSA"), JWT_SECRET_PREVIOUS=SECRET)
    assert [lets_in(over, one) for one in (hashed, token_of(first))] == [True, True]
    old = {"JWT_PRIVATE_KEY": str(folder / "EdDSA-old.pem")}
    before = auth(config | with_key(folder, "EdDSA", **old))
    both = process(**with_key(folder, "EdDSA", JWT_PUBLIC_KEYS=f"{folder / 'EdDSA-old.pub'}, "))
    assert [lets_in(both, token_of(one)) for one in (before, first)] == [True, True]
    assert len(both.keys.jwks()["keys"]) == 2
    assert not lets_in(process(**with_key(folder, "EdDSA")), token_of(before))


def test_secrets_are_not_among_the_public_keys(folder: Path) -> None:
    over = process(**with_key(folder, "EdDSA"), JWT_SECRET_PREVIOUS=SECRET)
    assert process().keys.jwks() == {"keys": []}
    assert len(over.keys.jwks()["keys"]) == 1
    assert SECRET not in json.dumps(over.keys.jwks())


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
def test_a_public_key_is_no_secret_to_sign_with(folder: Path, algorithm: str) -> None:
    """Algorithm confusion: what everybody may know, used as the key of an HMAC."""
    tokens = process(**with_key(folder, algorithm), JWT_SECRET_PREVIOUS=SECRET)
    [key] = tokens.keys.jwks()["keys"]
    pem = (folder / f"{algorithm}.pub").read_bytes()
    for secret in (pem, pem.strip(), json.dumps(key).encode(), key["kid"].encode(), b""):
        for kid in ({}, {"kid": key["kid"]}, {"kid": shared_keys([SECRET])[0].kid}):
            for name in ("HS256", algorithm, "none"):
                assert not lets_in(tokens, forged({"alg": name, **kid}, secret))


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "", "HS512", "RS256", "ES256", "PS256", None, 1])
def test_a_key_has_its_one_algorithm_whatever_the_header_says(name: Any) -> None:
    for kid in ({}, {"kid": shared_keys([SECRET])[0].kid}):
        header = {"alg": name, **kid}
        assert not lets_in(process(), forged(header, SECRET.encode()))
        assert not lets_in(process(), f"{part({'typ': ACCESS_TYPE, **header})}.{part(claims())}.")


@pytest.mark.parametrize(
    "kid",
    [
        "", "../../../../dev/null", "/dev/null", "' OR '1'='1", "x' UNION SELECT 'key", "| cat /etc/passwd",
        "https://evil.example/key", "\0", "0", 0, 1.5, True, ["a"], {"a": 1}, "x" * 10_000,
    ],
)  # fmt: skip
def test_a_name_of_a_key_is_looked_up_and_nothing_else(kid: Any) -> None:
    for secret in (b"", b"key", SECRET.encode()):
        assert not lets_in(process(), forged({"alg": "HS256", "kid": kid}, secret))


def test_a_key_that_a_token_brings_along_is_not_looked_at() -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(own.public_key(), as_dict=True)
    evil = {"jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem", "x5c": ["AAAA"]}
    for kid in ({}, {"kid": "evil"}, {"kid": shared_keys([SECRET])[0].kid}):
        headers = {"typ": ACCESS_TYPE, "jwk": jwk, **evil, **kid}
        assert not lets_in(process(), jwt.encode(claims(), own, "EdDSA", headers=headers))
        chosen = {"kty": "oct", "k": part(b"chosen by the attacker, and long enough")}
        brought = {"alg": "HS256", "jwk": chosen, **evil, **kid}
        assert not lets_in(process(), forged(brought, b"chosen by the attacker, and long enough"))


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    header = {"alg": "HS256", "crit": ["exp-in-header"], "exp-in-header": 1}
    assert not lets_in(process(), forged(header, SECRET.encode()))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM"), ({"JWT_ALGORITHM": "HS512"}, "JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "EdDSA"}, "JWT_PRIVATE_KEY"),
        *(({"JWT_ALGORITHM": algorithm, "JWT_PRIVATE_KEY": f"{name}.pem"}, "JWT_PRIVATE_KEY")
          for algorithm, name in (("EdDSA", "RS256"), ("RS256", "EdDSA"), ("RS256", "short"),
                                  ("EdDSA", "curve"), ("EdDSA", "none"), ("EdDSA", "missing"))),
        ({"JWT_ALGORITHM": "EdDSA", "JWT_PUBLIC_KEYS": "EdDSA.pem"}, "JWT_PUBLIC_KEYS"),
    ],
)  # fmt: skip
def test_a_key_that_can_not_work_is_told_before_the_start(
    config: Setting, folder: Path, changes: Setting, word: str
) -> None:
    files = {name: str(folder / value) for name, value in changes.items() if name != "JWT_ALGORITHM"}
    assert [word in one for one in problems(config | changes | files)] == [True]
    assert [word in one for one in settings.validate(config | changes | files)] == [True]


def test_keys_that_can_work_are_not_complained_about(config: Setting, folder: Path) -> None:
    for algorithm in ("EdDSA", "RS256"):
        assert problems(config | with_key(folder, algorithm)) == []
    assert problems(config) == []


def test_a_weak_old_secret_is_refused_in_production(config: Setting) -> None:
    weak = config | {"ENV": "production", "JWT_SECRET_PREVIOUS": "changeme"}
    assert any("JWT_SECRET_PREVIOUS" in one for one in settings.validate(weak))


def test_the_first_key_signs() -> None:
    keys = KeySet(shared_keys([SECRET, "", OTHER]))
    assert len(keys.keys) == 2
    assert jwt.decode(keys.sign({"a": 1}, "t"), SECRET, ["HS256"]) == {"a": 1}
