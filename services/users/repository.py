"""A transaction with the outbox in it: what the user service's repositories share."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from common.events import Event
from common.postgres import translated
from services.users.models import OutboxRow


class Repository:
    """A transaction, and the outbox in it."""

    def __init__(self, session: Callable[..., Session], wake: Callable[[], None], request_id: str) -> None:
        self._new_session = session
        self._wake = wake
        self._request_id = request_id

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end, roll back on an error; then tell the relay that there may be work."""
        self._announced = False
        # nameko-sqlalchemy's session commits at the end of its block; SQLAlchemy's own would not.
        with translated(), self._new_session(close_on_exit=True) as session:
            yield session
        if self._announced:
            self._wake()

    def announce(self, session: Session, user_id: uuid.UUID, event: Event, **fields: Any) -> None:
        """Store an event with the change."""
        payload = event.make(self._request_id, user_id=str(user_id), **fields)
        row = OutboxRow(aggregate=str(user_id), source=event.source, name=event.name, payload=payload)
        session.add(row)
        self._announced = True
