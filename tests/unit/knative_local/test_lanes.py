"""Order by key, event by event."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knative_local.lanes import Lanes
from knative_local.log.port import Record
from tests.unit.knative_local.eventing import event

MANY = 1 << 20


def record(offset: int, key: str | None) -> Record:
    return Record(offset, 0, event(str(offset)) if key is None else event(str(offset), partitionkey=key))


def offsets(records: object) -> list[int]:
    assert isinstance(records, list)
    return [each.offset for each in records if isinstance(each, Record)]


def test_one_key_goes_one_at_a_time_and_others_beside_it() -> None:
    lanes = Lanes()
    lanes.extend([record(1, "a"), record(2, "a"), record(3, "b")])

    first = lanes.take(1, MANY)
    assert offsets(first) == [1]
    assert offsets(lanes.take(1, MANY)) == [3]
    assert lanes.take(1, MANY) == []
    lanes.finish(first)
    assert offsets(lanes.take(1, MANY)) == [2]


def test_events_without_a_key_wait_for_nobody() -> None:
    lanes = Lanes()
    lanes.extend([record(1, None), record(2, None)])

    assert (offsets(lanes.take(1, MANY)), offsets(lanes.take(1, MANY))) == ([1], [2])


def test_a_batch_holds_what_is_in_order_and_its_lanes_wait_for_all_of_it() -> None:
    lanes = Lanes()
    lanes.extend([record(1, "a"), record(2, "b"), record(3, "a"), record(4, "b"), record(5, "a")])

    batch = lanes.take(4, MANY)
    assert offsets(batch) == [1, 3, 5, 2]
    assert lanes.ready == 0
    lanes.finish(batch[1:])
    assert lanes.ready == 1  # b is through; a is not
    assert offsets(lanes.take(4, MANY)) == [4]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20), st.randoms(use_true_random=False))
def test_whatever_is_finished_when_each_key_keeps_its_order_and_nothing_is_lost(
    keys: list[str | None], random: Random
) -> None:
    lanes = Lanes()
    records = [record(offset, key) for offset, key in enumerate(keys)]
    waiting, under_way, taken = list(records), list[list[Record]](), list[Record]()
    while waiting or under_way or lanes.ready:
        step = random.choice(["extend"] * bool(waiting) + ["take"] * bool(lanes.ready) + ["finish"] * bool(under_way))
        if step == "extend":
            count = random.randint(1, len(waiting))
            lanes.extend(waiting[:count])
            del waiting[:count]
        elif step == "take":
            unit = list(lanes.take(random.randint(1, 5), random.choice([1, MANY])))
            busy = {each.event.attributes.get("partitionkey") for units in under_way for each in units}
            assert unit
            assert not busy - {None} & {each.event.attributes.get("partitionkey") for each in unit}
            taken += unit
            under_way.append(unit)
        else:
            lanes.finish(under_way.pop(random.randrange(len(under_way))))
    assert sorted(each.offset for each in taken) == list(range(len(keys)))
    for key in ("a", "b", "c"):
        of_key = [each.offset for each in taken if each.event.attributes.get("partitionkey") == key]
        assert of_key == sorted(of_key)
