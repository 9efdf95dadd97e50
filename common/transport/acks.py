"""Which deliveries are done and not yet acknowledged, so that one frame can acknowledge many."""


class Acks:
    """The deliveries of one channel; tags count up from 1.

    The broker is told of all up to a tag at once where that is possible, and of single ones where an
    earlier delivery is still being worked on, so that a slow one does not hold up the rest. RabbitMQ before
    3.12 closes the channel over a tag that it was told before, so none is named twice.
    """

    def __init__(self) -> None:
        self.waiting = 0
        """How many are done and not yet told."""
        self._next = 1  # the first that is not done
        self._reach = 0  # the last before it that was not told alone
        self._told = 0
        self._done: set[int] = set()
        self._told_alone: set[int] = set()

    def add(self, tag: int) -> None:
        """A delivery is done."""
        self.waiting += 1
        self._done.add(tag)
        self._advance()

    def told(self, tag: int) -> None:
        """The broker was told of a delivery in another way (it was given back)."""
        self._told_alone.add(tag)
        self._advance()

    def take(self) -> list[tuple[int, bool]]:
        """What is to be told now: tags, and whether all up to them are meant."""
        told = []
        if self._reach > self._told:
            self._told = self._reach
            told.append((self._told, True))
        told += [(tag, False) for tag in sorted(self._done)]
        self._told_alone |= self._done
        self._done.clear()
        self.waiting = 0
        return told

    def _advance(self) -> None:
        while True:
            if self._next in self._done:
                self._done.remove(self._next)
                self._reach = self._next
            elif self._next in self._told_alone:
                self._told_alone.remove(self._next)
            else:
                return
            self._next += 1
