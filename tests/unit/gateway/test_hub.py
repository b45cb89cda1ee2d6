"""The hub: who is told what, and never more than the newest."""

from typing import Any

from msgspec.structs import replace

from realtime_gateway.codecs import JSON, MESSAGE_PACK
from realtime_gateway.hub import Hub, Subscriber
from realtime_gateway.protocol import Frame, Notice, Reset, Resume, Update, Watch
from tests.unit.gateway.facts import MIDNIGHT, NOON, finished, position, progressed, started, summary

NOW_MS = 1_773_489_600_000
CENTRE = (-35.0, -56.2, -34.8, -56.1)


def hub() -> Hub:
    new = Hub("life-1")
    new.fleet.begin_day(MIDNIGHT, 0, 0)
    new.fleet.add_route(summary())
    return new


def pull(of: Hub, subscriber: Subscriber) -> Frame | None:
    message = of.pull(subscriber, NOW_MS)
    return None if message is None else JSON.frame(message)


def update(of: Hub, subscriber: Subscriber) -> Update:
    frame = pull(of, subscriber)
    assert isinstance(frame, Update)
    return frame


def joined(of: Hub, **watch: Any) -> tuple[Subscriber, Reset]:
    subscriber = of.subscribe(JSON, Watch(**watch))
    frame = pull(of, subscriber)
    assert isinstance(frame, Reset)
    return subscriber, frame


def ids(frame: Reset | Update) -> list[str]:
    return sorted(vehicle.vehicle_id for vehicle in frame.vehicles)


def test_the_first_frame_is_everything_and_then_silence() -> None:
    here = hub()
    here.fleet.apply([started(), position(second=1), position("van-2")])
    subscriber, reset = joined(here)
    assert (reset.epoch, reset.offset, reset.now_ms) == ("life-1", here.fleet.offset, NOW_MS)
    assert ids(reset) == ["van-1", "van-2"]
    assert [record.trip_id for record in reset.trips] == ["trip-1"]
    assert reset.counts.underway == 1
    assert pull(here, subscriber) is None


def test_a_slow_reader_gets_only_the_newest_of_each_vehicle() -> None:
    here = hub()
    subscriber, _ = joined(here)
    for second in range(100):
        here.fleet.apply([position(second=second, lng=-56.2 + second / 10_000), position("van-2", second=second)])
    frame = update(here, subscriber)
    assert ids(frame) == ["van-1", "van-2"]
    assert {v.recorded_ms for v in frame.vehicles} == {here.fleet.vehicles["van-1"].recorded_ms}
    assert pull(here, subscriber) is None


def test_counts_come_only_when_they_changed() -> None:
    here = hub()
    subscriber, _ = joined(here)
    here.fleet.apply([position(second=1)])
    assert update(here, subscriber).counts is None
    here.fleet.apply([started()])
    counts = update(here, subscriber).counts
    assert counts is not None
    assert counts.underway == 1


def test_those_who_see_everything_share_one_encoded_frame() -> None:
    here = hub()
    watchers = [here.subscribe(codec, Watch()) for codec in (MESSAGE_PACK, MESSAGE_PACK, JSON)]
    for watcher in watchers:
        here.pull(watcher, NOW_MS)
    here.fleet.apply([position(second=1)])
    one, other, text = (here.pull(watcher, NOW_MS) for watcher in watchers)
    assert one is other, "encoded once"
    assert isinstance(text, str)


def test_a_shared_frame_is_not_sent_long_after_its_time() -> None:
    here = hub()
    watchers = [here.subscribe(JSON, Watch()) for _ in range(2)]
    for watcher in watchers:
        here.pull(watcher, NOW_MS)
    here.fleet.apply([position(second=1)])
    here.pull(watchers[0], NOW_MS)
    late = here.pull(watchers[1], NOW_MS + 5000)
    assert late is not None
    frame = JSON.frame(late)
    assert isinstance(frame, Update)
    assert frame.now_ms == NOW_MS + 5000


def test_a_box_shows_what_is_in_it_and_all_trips() -> None:
    here = hub()
    here.fleet.apply([started(), position("in"), position("out", lat=10), started("trip-2", "out")])
    subscriber, reset = joined(here, box=CENTRE)
    assert ids(reset) == ["in"]
    assert len(reset.trips) == 2
    here.fleet.apply([position("out", second=1, lat=11)])
    assert pull(here, subscriber) is None


def test_a_vehicle_that_leaves_the_box_comes_once_more_and_returns_when_it_does() -> None:
    here = hub()
    here.fleet.apply([position()])
    subscriber, _ = joined(here, box=CENTRE)
    here.fleet.apply([position(second=1, lat=-34.7)])
    assert [v.lat for v in update(here, subscriber).vehicles] == [-34.7]
    here.fleet.apply([position(second=2, lat=-34.6)])
    assert pull(here, subscriber) is None
    here.fleet.apply([position(second=3, lat=-34.9)])
    assert ids(update(here, subscriber)) == ["van-1"]


def test_named_vehicles_and_the_one_of_the_trip_are_seen_wherever_they_are() -> None:
    here = hub()
    far = [position(name, lat=10) for name in ("named", "on-trip", "other")]
    here.fleet.apply([started("trip-1", "on-trip"), *far])
    subscriber, reset = joined(here, box=CENTRE, vehicles=["named"], trip="trip-1")
    assert ids(reset) == ["named", "on-trip"]
    here.fleet.apply([position(name, second=1, lat=11) for name in ("named", "on-trip", "other")])
    assert ids(update(here, subscriber)) == ["named", "on-trip"]


def test_a_box_across_the_180th_meridian() -> None:
    here = hub()
    here.fleet.apply([position("fiji", lng=179.5), position("samoa", lng=-172), position("here", lng=-56)])
    _, reset = joined(here, box=(-90.0, 178.0, 90.0, -170.0))
    assert ids(reset) == ["fiji", "samoa"]


def test_a_new_box_sends_at_once_what_was_not_seen_and_nothing_twice() -> None:
    here = hub()
    here.fleet.apply([position("both"), position("new", lat=-34.7)])
    subscriber, _ = joined(here, box=CENTRE)
    here.watch(subscriber, Watch(box=(-35.0, -56.2, -34.6, -56.1)))
    assert ids(update(here, subscriber)) == ["new"]
    assert pull(here, subscriber) is None
    here.watch(subscriber, Watch())
    assert pull(here, subscriber) is None, "everything is held already"


def test_from_everywhere_to_a_box_and_back_forgets_what_was_outside() -> None:
    here = hub()
    here.fleet.apply([position("in"), position("out", lat=10)])
    subscriber, _ = joined(here)
    here.watch(subscriber, Watch(box=CENTRE))
    assert pull(here, subscriber) is None
    here.watch(subscriber, Watch())
    assert ids(update(here, subscriber)) == ["out"]


def test_two_new_boxes_before_the_next_frame_send_what_the_last_one_shows() -> None:
    here = hub()
    here.fleet.apply([position("a", lat=1, lng=1), position("b", lat=2, lng=2)])
    subscriber, _ = joined(here, box=CENTRE)
    here.watch(subscriber, Watch(box=(0.0, 0.0, 1.5, 1.5)))
    here.watch(subscriber, Watch(box=(1.5, 1.5, 3.0, 3.0)))
    assert ids(update(here, subscriber)) == ["b"]


def test_who_comes_back_gets_only_what_changed() -> None:
    here = hub()
    here.fleet.apply([started(), position(second=1), position("van-2")])
    _, reset = joined(here)
    here.fleet.apply([position("van-2", second=5), progressed()])
    again = here.subscribe(JSON, Watch(resume=Resume(epoch=reset.epoch, offset=reset.offset)))
    frame = update(here, again)
    assert ids(frame) == ["van-2"]
    assert [record.trip_id for record in frame.trips] == ["trip-1"]
    assert pull(here, again) is None


def test_who_missed_nothing_is_told_so() -> None:
    here = hub()
    here.fleet.apply([position()])
    _, reset = joined(here)
    again = here.subscribe(JSON, Watch(resume=Resume(epoch=reset.epoch, offset=reset.offset)))
    frame = update(here, again)
    assert (frame.vehicles, frame.trips, frame.counts, frame.gone) == ([], [], None, [])


def test_who_comes_back_to_a_box_gets_all_of_it_and_what_moved_elsewhere() -> None:
    here = hub()
    here.fleet.apply([position("in"), position("was-in"), position("never", lat=10)])
    _, reset = joined(here, box=CENTRE)
    here.fleet.apply([position("was-in", second=1, lat=-30)])
    again = here.subscribe(JSON, Watch(box=CENTRE, resume=Resume(epoch=reset.epoch, offset=reset.offset)))
    assert ids(update(here, again)) == ["in", "was-in"]
    here.fleet.apply([position("was-in", second=2, lat=-29)])
    assert pull(here, again) is None


def test_another_life_of_the_gateway_or_an_impossible_offset_resets() -> None:
    here = hub()
    here.fleet.apply([position()])
    for resume in (Resume(epoch="life-0", offset=1), Resume(epoch="life-1", offset=here.fleet.offset + 1)):
        subscriber = here.subscribe(JSON, Watch(resume=resume))
        assert isinstance(pull(here, subscriber), Reset)


def test_vehicles_that_left_are_told_to_those_who_may_hold_them() -> None:
    here = hub()
    here.fleet.apply([position("near"), position("far", lat=10), position("stays", second=3500)])
    everywhere, _ = joined(here)
    boxed, _ = joined(here, box=CENTRE)
    here.fleet.expire(NOON.replace(hour=13))
    assert sorted(update(here, everywhere).gone) == ["far", "near"]
    assert update(here, boxed).gone == ["near"]


def test_who_fell_behind_the_kept_departures_gets_a_reset() -> None:
    here = hub()
    here.fleet.apply([position(f"van-{n}") for n in range(1500)])
    subscriber, _ = joined(here)
    here.fleet.expire(NOON.replace(hour=13))
    frame = pull(here, subscriber)
    assert isinstance(frame, Reset)
    assert frame.vehicles == []


def test_the_vehicle_is_freed_in_the_frame_that_ends_its_trip() -> None:
    here = hub()
    here.fleet.apply([started(), position(second=1)])
    subscriber, _ = joined(here)
    here.fleet.apply([finished()])
    frame = update(here, subscriber)
    assert [v.trip_id for v in frame.vehicles] == [None]
    assert [t.status for t in frame.trips] == ["finished"]


def test_notices_follow_the_first_frame_and_do_not_pile_up() -> None:
    here = hub()
    subscriber = here.subscribe(JSON, Watch(trip="trip-9"))
    for _ in range(3):
        here.tell(Notice(code="store-away", message="…"))
    assert isinstance(pull(here, subscriber), Reset)
    first, second = pull(here, subscriber), pull(here, subscriber)
    assert isinstance(first, Notice)
    assert isinstance(second, Notice)
    assert (first.code, second.code) == ("trip-not-live", "store-away")
    assert pull(here, subscriber) is None


def test_from_very_far_frames_are_paced() -> None:
    here = hub()
    near, _ = joined(here, zoom=12)
    assert near.pace == 0
    here.watch(near, replace(near.watch, zoom=3))
    assert near.pace == 1


def test_who_left_is_not_told_any_more() -> None:
    here = hub()
    subscriber, _ = joined(here)
    here.leave(subscriber)
    here.tell(Notice(code="store-away", message="…"))
    assert subscriber.notices == []
