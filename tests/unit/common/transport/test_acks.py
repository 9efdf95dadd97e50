"""Every delivery that is done is told once, and nothing that is not."""

from hypothesis import given
from hypothesis import strategies as st

from common.transport.acks import Acks


class Broker:
    """What RabbitMQ holds of one channel; as strict as its versions before 3.12."""

    def __init__(self, deliveries: int) -> None:
        self.unacknowledged = list(range(1, deliveries + 1))

    def ack(self, tag: int, multiple: bool) -> None:
        assert tag in self.unacknowledged, "unknown delivery tag: the channel would be closed"
        below = [one for one in self.unacknowledged if one < tag] if multiple else []
        self.unacknowledged = [one for one in self.unacknowledged if one != tag and one not in below]


def test_deliveries_in_order_are_told_by_one_frame() -> None:
    acks = Acks()
    for tag in (2, 1, 3):
        acks.add(tag)
    assert acks.waiting == 3
    assert acks.take() == [(3, True)]
    assert acks.waiting == 0
    assert acks.take() == []


def test_a_slow_delivery_does_not_hold_up_those_behind_it() -> None:
    acks = Acks()
    acks.add(2)
    acks.add(3)
    assert acks.take() == [(2, False), (3, False)]
    acks.add(1)
    assert acks.take() == [(1, True)]
    acks.add(4)
    assert acks.take() == [(4, True)]


@given(st.data())
def test_whatever_the_order_the_broker_holds_what_is_not_done(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    order = data.draw(st.permutations(range(1, count + 1)))
    acks, broker, done = Acks(), Broker(count), set()
    for tag in order:
        done.add(tag)
        if data.draw(st.integers(0, 4)) == 0:
            broker.ack(tag, multiple=False)  # given back, in truth
            acks.told(tag)
        else:
            acks.add(tag)
        if data.draw(st.booleans()):
            for told in acks.take():
                broker.ack(*told)
            assert set(broker.unacknowledged) == set(range(1, count + 1)) - done
    for told in acks.take():
        broker.ack(*told)
    assert broker.unacknowledged == []
