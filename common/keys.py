"""Keys that sign tokens and verify them: which one it is, is said by ``kid``, and what it does, by its owner.

``kid`` is looked up among the few keys that are configured, and is nothing else: no path, no query, no
address. Each key has its one algorithm, whatever a token's header claims; keys that a token brings along
(``jwk``, ``jku``, ``x5u``, ``x5c``) are never looked at.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

SHARED = "HS256"
PUBLIC = ("EdDSA", "RS256")
ALGORITHMS = (SHARED, *PUBLIC)
_SHORTEST_RSA = 2048
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""RFC 7515: base64url without padding, which the decoder of PyJWT would take."""


class BadKey(Exception):
    """A file that holds no key of the kind that is needed."""


@dataclass(frozen=True)
class Key:
    """A key: ``signing`` is None where only the public half is known."""

    kid: str
    algorithm: str
    verifying: Any
    signing: Any = None

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 7517)."""
        return {**_public_jwk(self.verifying), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


@dataclass(frozen=True)
class KeySet:
    """The first key signs; all of them verify."""

    keys: tuple[Key, ...]

    @cached_property
    def _by_kid(self) -> dict[str, Key]:
        return {key.kid: key for key in self.keys}

    def sign(self, claims: dict[str, Any], kind: str) -> str:
        """A token of that ``typ``."""
        key = self.keys[0]
        if key.signing is None:
            raise BadKey("the private key is not configured in this process")
        return jwt.encode(claims, key.signing, key.algorithm, headers={"typ": kind, "kid": key.kid})

    def verify(self, token: str, **checks: Any) -> dict[str, Any]:
        """Header and payload of a token that one of the keys has signed; PyJWT's errors for all others.

        A token without ``kid`` is of the version before, which signed with a secret.
        """
        if not _COMPACT.fullmatch(token):
            raise jwt.DecodeError("a part of the token is not base64url")
        kid = jwt.get_unverified_header(token).get("kid")
        if kid is not None:
            return _decoded(token, self._by_kid.get(kid), checks)
        for key in (shared := [one for one in self.keys if one.algorithm == SHARED])[:-1]:
            try:
                return _decoded(token, key, checks)
            except jwt.InvalidSignatureError:
                continue
        return _decoded(token, shared[-1] if shared else None, checks)

    def jwks(self) -> dict[str, Any]:
        """The public keys (RFC 7517), for others who verify; secrets are none."""
        return {"keys": [key.jwk for key in self.keys if key.algorithm in PUBLIC]}


def shared_keys(secrets: Iterable[str]) -> tuple[Key, ...]:
    """A key for each secret that there is."""
    return tuple(Key(_kid(secret), SHARED, secret, secret) for secret in secrets if secret)


def public_keys(algorithm: str, private_file: str, public_files: Sequence[str]) -> tuple[Key, ...]:
    """The keys in these files: the one that signs, where it is known, before those that verify."""
    keys = [_private(algorithm, private_file)] if private_file else []
    keys += [_key(algorithm, _read(path, load_pem_public_key)) for path in public_files]
    return tuple({key.kid: key for key in reversed(keys)}.values())[::-1]


def paths(text: str) -> list[str]:
    """The files that a setting names, with commas between them."""
    return [one.strip() for one in str(text or "").split(",") if one.strip()]


def problems(config: dict[str, Any]) -> list[str]:
    """Every reason why the settings of signing can't work, a line each."""
    algorithm = config.get("JWT_ALGORITHM", SHARED)
    private, public = config.get("JWT_PRIVATE_KEY", ""), paths(config.get("JWT_PUBLIC_KEYS", ""))
    if algorithm not in ALGORITHMS:
        return [f"JWT_ALGORITHM is {algorithm!r}: set it to one of {', '.join(ALGORITHMS)}."]
    if algorithm == SHARED:
        return []
    if not private and not public:
        return [f"JWT_PRIVATE_KEY or JWT_PUBLIC_KEYS has to name a file for JWT_ALGORITHM={algorithm}."]
    try:
        public_keys(algorithm, private, public)
    except BadKey as problem:
        return [f"JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS: {problem}."]
    return []


def _decoded(token: str, key: Key | None, checks: dict[str, Any]) -> dict[str, Any]:
    if key is None:
        raise jwt.InvalidKeyError("there is no such key")
    found: dict[str, Any] = jwt.decode_complete(token, key.verifying, algorithms=[key.algorithm], **checks)
    return found


def _kid(secret: str) -> str:
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:16]


def _private(algorithm: str, path: str) -> Key:
    private = _read(path, lambda data: load_pem_private_key(data, None))
    if not isinstance(private, Ed25519PrivateKey | RSAPrivateKey):
        raise BadKey(f"{path} holds no private key for {algorithm}")
    return _key(algorithm, private.public_key(), private)


def _key(algorithm: str, public: Any, private: Any = None) -> Key:
    wanted = Ed25519PublicKey if algorithm == "EdDSA" else RSAPublicKey
    if not isinstance(public, wanted):
        raise BadKey(f"a key is none for {algorithm}")
    if isinstance(public, RSAPublicKey) and public.key_size < _SHORTEST_RSA:
        raise BadKey(f"an RSA key is shorter than {_SHORTEST_RSA} bits")
    return Key(_thumbprint(_public_jwk(public)), algorithm, public, private)


def _read(path: str, load: Any) -> Any:
    try:
        return load(Path(path).read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise BadKey(f"{path} can't be read as a key in PEM format ({type(problem).__name__})") from None


def _public_jwk(public: Any) -> dict[str, Any]:
    algorithm: Any = RSAAlgorithm if isinstance(public, RSAPublicKey) else OKPAlgorithm
    made: dict[str, Any] = algorithm.to_jwk(public, as_dict=True)
    return {name: made[name] for name in ("kty", "crv", "x", "n", "e") if name in made}


def _thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638."""
    digest = hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
