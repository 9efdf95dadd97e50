"""Health, and where to go from here."""

from marshmallow import fields

from ops.openapi.answers.shown import Shown, one_of, time

HEALTH = ("pass", "warn", "fail")


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
