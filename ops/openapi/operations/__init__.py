"""What can't be read from the routes, a line or more for each, by the name of the gateway's method."""

from ops.openapi.operation import Operation
from ops.openapi.operations import audit, auth, messages, system, todos, users

ALL: dict[str, Operation] = {
    **auth.OPERATIONS,
    **users.OPERATIONS,
    **audit.OPERATIONS,
    **todos.OPERATIONS,
    **messages.OPERATIONS,
    **system.OPERATIONS,
}
