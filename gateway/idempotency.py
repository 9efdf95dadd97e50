"""The header ``Idempotency-Key``; the service that owns the effect keeps it: :mod:`common.idempotency`."""

from common.request import Request


def once(request: Request) -> dict[str, str]:
    """The argument of a call that carries the client's key, and nothing if the client has sent none."""
    given = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    return {} if given is None else {"idempotency_key": given}
