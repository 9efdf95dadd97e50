"""Health, and where to go from here."""

from marshmallow import fields

from common.keys import PUBLIC
from ops.openapi.answers.shown import Shown, one_of, time

HEALTH = ("pass", "warn", "fail")
BREAKER = ("closed", "open", "half_open")
_PORT = {"minimum": 1, "maximum": 65535}


class Index(Shown):
    """Where to go from here."""

    name = fields.String()
    version = fields.String()
    links = fields.Dict(keys=fields.String(), values=fields.String(metadata={"format": "uri"}))


class Dependency(Shown):
    """How something is that a service needs."""

    optional = ("detail",)
    status = one_of(*HEALTH)
    latency_ms = fields.Float(metadata={"minimum": 0})
    detail = fields.String()


class ServiceHealth(Shown):
    """How a service is, and how many instances of it there are (null where the broker does not say)."""

    optional = ("detail",)
    status = one_of(*HEALTH)
    latency_ms = fields.Float(metadata={"minimum": 0})
    instances = fields.Integer(allow_none=True, metadata={"minimum": 0})
    dependencies = fields.Dict(keys=fields.String(), values=fields.Nested(Dependency))
    detail = fields.String()


class Health(Shown):
    """How the whole suite is: as bad as the worst of its services."""

    status = one_of(*HEALTH)
    version = fields.String()
    checked_at = time()
    services = fields.Dict(keys=fields.String(), values=fields.Nested(ServiceHealth))


class Status(Shown):
    """One word."""

    status = one_of(*HEALTH)


class Instance(Shown):
    """A process of a service, as its last sign of life told."""

    service = fields.String()
    instance = fields.String(metadata={"description": "`host:pid`, as in the logs."})
    host = fields.String()
    pid = fields.Integer(metadata={"minimum": 1})
    version = fields.String()
    status = one_of(*HEALTH, "silent")
    started_at = time()
    last_seen_at = time()
    http_port = fields.Integer(allow_none=True, metadata=_PORT)
    breakers = fields.Dict(
        keys=fields.String(),
        values=one_of(*BREAKER),
        metadata={"description": "Its circuit breakers, by the service or server that they guard."},
    )


class PublicKey(Shown):
    """A public key (RFC 7517)."""

    optional = ("crv", "x", "n", "e")
    kid = fields.String()
    kty = one_of("OKP", "RSA")
    alg = one_of(*PUBLIC)
    use = one_of("sig")
    crv = fields.String()
    x = fields.String()
    n = fields.String()
    e = fields.String()


class KeySet(Shown):
    """The public keys that access tokens are signed with."""

    keys = fields.List(fields.Nested(PublicKey))
