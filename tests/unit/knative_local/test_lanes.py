"""Order by key, event by event."""

from hypothesis import given
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


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40), st.data())
def test_whatever_is_finished_when_each_key_keeps_its_order_and_nothing_is_lost(
    keys: list[str | None], data: st.DataObject
) -> None:
    lanes = Lanes()
    records = [record(offset, key) for offset, key in enumerate(keys)]
    waiting, under_way, taken = list(records), list[list[Record]](), list[Record]()
    while waiting or under_way or lanes.ready:
        steps = ["take"] + ["extend"] * bool(waiting) + ["finish"] * bool(under_way)
        match data.draw(st.sampled_from(steps)):
            case "extend":
                count = data.draw(st.integers(1, len(waiting)))
                lanes.extend(waiting[:count])
                del waiting[:count]
            case "take":
                ready = lanes.ready
                unit = list(lanes.take(data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, MANY]))))
                assert bool(unit) == bool(ready)
                busy = {each.event.attributes.get("partitionkey") for units in under_way for each in units}
                assert not busy - {None} & {each.event.attributes.get("partitionkey") for each in unit}
                taken += unit
                under_way += [unit] if unit else []
            case _:
                lanes.finish(under_way.pop(data.draw(st.integers(0, len(under_way) - 1))))
    assert sorted(each.offset for each in taken) == list(range(len(keys)))
    for key in ("a", "b", "c"):
        of_key = [each.offset for each in taken if each.event.attributes.get("partitionkey") == key]
        assert of_key == sorted(of_key)
