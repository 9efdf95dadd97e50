"""What a personal access token may be for. An entrypoint without a scope is for sessions only."""

SCOPES = (
    "profile:read", "profile:write", "todos:read", "todos:write", "messages:read", "messages:write",
    "users:read", "audit:read",
)  # fmt: skip
"""Those of messages, users and audit are of use to administrators alone: a scope gives no role."""
_READ, _WRITE = ":read", ":write"


def checked(scope: str) -> str:
    """The scope that an entrypoint names, or none; TypeError for one that this page does not know."""
    if scope and scope not in SCOPES:
        raise TypeError(f"{scope!r} is no scope of common/scopes.py")
    return scope


def allows(scopes: frozenset[str], wanted: str) -> bool:
    """Whether a token with these scopes may do what takes the wanted one; who may write may read."""
    return bool(wanted) and (wanted in scopes or wanted.removesuffix(_READ) + _WRITE in scopes)
