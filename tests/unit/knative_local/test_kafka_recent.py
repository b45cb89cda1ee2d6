"""An event that this process wrote or read is known again by its place in Kafka, and never taken for another."""

from itertools import repeat

import pytest

from knative_local.log import kafka_recent
from knative_local.log.kafka_recent import UNKNOWN, RecentEvents
from tests.unit.knative_local.eventing import event


def test_an_event_is_known_by_partition_offset_and_time() -> None:
    recent = RecentEvents()
    one, two, three = event("1"), event("2"), event("3")
    recent.put([(0, 7), (4, 7)], repeat(5), [one, two])
    recent.put([(0, 8)], [6], [three])

    assert recent.get(0, 7, 5) is one
    assert recent.get(4, 7, 5) is two
    assert recent.get(0, 8, 6) is three
    assert recent.get(0, 9, 5) is None
    assert recent.get(0, 7, 6) is None  # a topic that was made anew


def test_an_event_whose_offset_is_unknown_is_not_known_and_its_neighbours_are() -> None:
    recent = RecentEvents()
    events = [event(str(number)) for number in range(4)]
    recent.put([(3, 10), (3, UNKNOWN), (3, UNKNOWN), (3, 20)], repeat(5), events)

    assert [recent.get(3, offset, 5) for offset in (10, 20)] == [events[0], events[3]]
    assert [recent.get(3, offset, 5) for offset in (UNKNOWN, 11, 19)] == [None] * 3


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_recent, "_MOST_BYTES", 20_000)
    recent = RecentEvents()
    for offset in range(100):
        recent.put([(0, offset)], [5], [event(str(offset))])
    recent.settle()

    known = [offset for offset in range(100) if recent.get(0, offset, 5) is not None]
    assert known == list(range(known[0], 100))
    assert 10 < len(known) < 20
