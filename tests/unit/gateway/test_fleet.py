"""The fleet: what facts make of it, in whatever order and however often they come."""

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from realtime_gateway.fleet import KEPT_ENDED, KEPT_GONE, LEAVES_AFTER, Fleet
from realtime_gateway.protocol import Counts
from tests.unit.gateway.facts import (
    MIDNIGHT,
    NOON,
    at,
    cancelled,
    finished,
    planned,
    position,
    progressed,
    started,
    summary,
    trip,
)
from trackway.domain.lifecycle import TripStatus
from trackway.events import TripDelayed, TripDeviated, TripRejoined
from trackway.storage.port import TripView, Vehicle


def fleet() -> Fleet:
    new = Fleet()
    new.begin_day(MIDNIGHT, 0, 0)
    new.add_route(summary())
    return new


def test_the_newest_position_by_its_own_time_wins() -> None:
    now = fleet()
    now.apply([position(second=5, lng=-56.15), position(second=3, lng=-56.17), position(second=5, lng=-56.99)])
    assert now.vehicles["van-1"].lng == -56.15


def test_a_position_without_a_trip_belongs_to_the_open_trip_of_its_vehicle() -> None:
    now = fleet()
    now.apply([started(), position(second=1), position("van-2", second=1)])
    assert now.vehicles["van-1"].trip_id == "trip-1"
    assert now.vehicles["van-1"].name == "Van-1"
    assert now.vehicles["van-2"].trip_id is None
    assert now.vehicles["van-2"].name == "van-2"


def test_a_trip_has_the_names_of_its_route_and_ends() -> None:
    now = fleet()
    now.apply([started()])
    record = now.trip("trip-1")
    assert record is not None
    assert (record.route_name, record.from_name, record.to_name) == ("Unión → Maroñas", "Unión", "")


def test_a_route_that_is_not_known_is_asked_for_and_told_when_it_comes() -> None:
    now = fleet()
    now.apply([started(route="route-2")])
    assert now.unknown_routes == {"route-2"}
    before = now.offset
    now.apply([planned("route-2")])
    assert not now.unknown_routes
    assert [record.route_name for record in now.trips_since(before)] == ["Unión → Maroñas"]


def test_a_finished_trip_has_come_all_the_way_and_frees_its_vehicle() -> None:
    now = fleet()
    now.apply([started(), position(second=1), progressed(fraction=0.97), finished(second=630)])
    record = now.trip("trip-1")
    assert record is not None
    assert record.status is TripStatus.FINISHED
    assert (record.fraction, record.remaining, record.delay, record.arrival_ms) == (1, 0, 30, None)
    assert now.vehicles["van-1"].trip_id is None
    assert now.counts == Counts(planned=0, underway=0, finished_today=1, cancelled_today=0)


def test_a_cancelled_trip_keeps_how_far_it_came() -> None:
    now = fleet()
    now.apply([started(), progressed(fraction=0.4), cancelled()])
    record = now.trip("trip-1")
    assert record is not None
    assert (record.status, record.fraction, record.arrival_ms) == (TripStatus.CANCELLED, 0.4, None)
    assert now.counts.cancelled_today == 1


def test_progress_is_by_its_time_and_alerts_amend_it() -> None:
    now = fleet()
    now.apply([started(), progressed(second=70, fraction=0.3), progressed(second=60, fraction=0.2)])
    who = {"trip_id": "trip-1", "vehicle_id": "van-1"}
    now.apply([TripDeviated(**who, recorded_at=at(71), lat=-34.9, lng=-56.1, off_route=612)])
    now.apply([TripDelayed(**who, recorded_at=at(72), arrival_at=at(1000), delay=400)])
    record = now.trip("trip-1")
    assert record is not None
    assert (record.fraction, record.off_route, record.delay) == (0.3, 612, 400)
    now.apply([TripRejoined(**who, recorded_at=at(69), lat=-34.9, lng=-56.1)])
    assert now.trip("trip-1") == record, "an older alert changes nothing"
    now.apply([TripRejoined(**who, recorded_at=at(73), lat=-34.9, lng=-56.1)])
    rejoined = now.trip("trip-1")
    assert rejoined is not None
    assert rejoined.off_route is None


FACTS = [started(), position(second=1), progressed(), position(second=61), finished()]


@given(st.permutations([*FACTS, *FACTS]))
def test_any_order_and_repetition_of_facts_ends_in_the_same_fleet(facts: list[object]) -> None:
    now = fleet()
    now.apply(facts)
    record = now.trip("trip-1")
    assert record is not None
    assert record.status is TripStatus.FINISHED
    assert record.ended_ms == finished().finished_at.timestamp() * 1000
    assert now.vehicles["van-1"].trip_id is None
    assert now.vehicles["van-1"].recorded_ms == at(61).timestamp() * 1000
    assert now.counts == Counts(planned=0, underway=0, finished_today=1, cancelled_today=0)
    assert not now.open_trips()


def test_of_two_ends_the_earlier_counts_once() -> None:
    for facts in itertools.permutations([finished(second=630), cancelled(second=300)]):
        now = fleet()
        now.apply([started(), *facts])
        assert now.counts == Counts(planned=0, underway=0, finished_today=0, cancelled_today=1)


def test_a_fact_that_changes_nothing_takes_no_offset() -> None:
    now = fleet()
    now.apply([started(), position(second=1), progressed()])
    before = now.offset
    now.apply([started(), position(second=1), progressed()])
    assert now.offset == before


def test_what_the_store_says_later_does_not_take_a_trip_back() -> None:
    now = fleet()
    now.apply([started(), progressed(second=90, fraction=0.5), finished()])
    before = now.offset
    now.merge_trip(TripView(trip=trip(), progress=progressed(second=60)))
    assert now.offset == before


def test_an_end_that_was_missed_is_taken_from_the_store() -> None:
    now = fleet()
    now.apply([started(), position(second=1)])
    now.merge_trip(TripView(trip=trip(status=TripStatus.FINISHED, ended_at=at(500))))
    assert not now.open_trips()
    assert now.vehicles["van-1"].trip_id is None
    assert now.counts.finished_today == 1


def test_facts_of_an_unknown_trip_ask_for_it_once_it_is_not_known_to_be_over() -> None:
    now = fleet()
    now.apply([progressed("trip-9"), position("van-9", trip_id="trip-8")])
    assert now.unknown_trips == {"trip-8", "trip-9"}
    now.merge_trip(TripView(trip=trip("trip-9", "van-8", TripStatus.FINISHED, ended_at=MIDNIGHT - timedelta(hours=1))))
    now.not_found("trip-8")
    now.apply([progressed("trip-9")])
    assert not now.unknown_trips
    assert now.trip("trip-9") is None, "it ended yesterday"


def test_vehicles_without_a_trip_leave_and_silent_ones_on_a_trip_stay() -> None:
    now = fleet()
    now.apply([started(), position(second=0), position("van-2", second=0), position("van-3", second=30)])
    before = now.offset
    now.expire(NOON + LEAVES_AFTER + timedelta(seconds=1))
    assert set(now.vehicles) == {"van-1", "van-3"}
    assert now.gone_since(before) == ["van-2"]
    now.apply([position("van-2", second=700)])
    assert now.gone_since(before) == [], "it is back"
    assert [v.vehicle_id for v in now.vehicles_since(before)] == ["van-2"]


def test_who_was_told_before_the_departures_that_are_forgotten_needs_everything() -> None:
    now = fleet()
    now.apply([position(f"van-{n}") for n in range(KEPT_GONE + 5)])
    before = now.offset
    now.expire(NOON + timedelta(hours=1))
    assert before < now.horizon <= now.offset
    assert len(now.gone_since(now.horizon)) == KEPT_GONE


def test_only_the_last_trips_that_ended_are_shown_and_all_are_counted() -> None:
    now = fleet()
    for number in range(KEPT_ENDED + 10):
        now.apply([started(f"t-{number}", f"v-{number}"), finished(f"t-{number}", f"v-{number}", second=600 + number)])
    assert len(now.trips()) == KEPT_ENDED
    assert now.trip("t-9") is None
    assert now.trip("t-10") is not None
    assert now.counts.finished_today == KEPT_ENDED + 10


def test_a_new_day_shows_and_counts_only_its_own() -> None:
    now = fleet()
    now.apply([started(), finished(), started("trip-2", "van-2")])
    now.begin_day(MIDNIGHT + timedelta(days=1), 0, 0)
    assert [record.trip_id for record in now.trips()] == ["trip-2"]
    assert now.counts == Counts(planned=0, underway=1, finished_today=0, cancelled_today=0)


def test_a_vehicle_of_the_store_that_has_been_silent_too_long_does_not_come_in() -> None:
    now = fleet()
    now.merge_trip(TripView(trip=trip()))
    now.merge_vehicle(Vehicle(vehicle_id="van-1", name="Van-1", position=position(), trip_id="trip-1"), at(3600))
    now.merge_vehicle(Vehicle(vehicle_id="van-2", name="Van 2", position=position("van-2")), at(3600))
    assert list(now.vehicles) == ["van-1"]
    now.apply([position("van-2", second=3600)])
    assert now.vehicles["van-2"].name == "Van 2"
