"""The live view: filled from the store, fed in batches, and held against the store so that a kill leaves no gap."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from realtime_gateway.codecs import JSON
from realtime_gateway.live_view import LiveView
from realtime_gateway.protocol import Counts, Watch
from tests.unit.gateway.facts import MIDNIGHT, at, cancelled, finished, planned, position, progressed, started, trip
from tests.unit.gateway.serving import TENANT, Clock, fact_event
from trackway.domain.lifecycle import TripStatus
from trackway.storage.memory import InMemoryStore
from trackway.storage.port import StoredPosition


class Counted(InMemoryStore):
    """Counts how often the open trips are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def open_trips(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        return await super().open_trips(*args, **more)


async def stored(store: InMemoryStore, *facts: Any) -> None:
    await store.apply_trip_events(TENANT, [fact_event(fact, f"{type(fact).__name__}-{fact.trip_id}") for fact in facts])


async def seen(store: InMemoryStore, *positions: Any) -> None:
    kept = [StoredPosition(source="/test", event_id=f"{p.vehicle_id}-{p.recorded_at}", position=p) for p in positions]
    await store.append_positions(TENANT, kept)


async def view_of(store: InMemoryStore, clock: Clock | None = None) -> LiveView:
    view = LiveView(store, TENANT, now=clock or Clock(at(700)))
    await view.load()
    return view


async def test_it_starts_from_what_the_store_knows() -> None:
    store = InMemoryStore()
    await store.add_route(TENANT, planned())
    await stored(store, started(), progressed(fraction=0.2), started("trip-2", "van-2"), finished("trip-2", "van-2"))
    await store.plan_trip(TENANT, trip("trip-3", "van-3", TripStatus.PLANNED))
    await seen(store, position(second=650))
    fleet = (await view_of(store)).hub.fleet
    assert fleet.counts == Counts(planned=1, underway=1, finished_today=1, cancelled_today=0)
    assert {record.trip_id: record.status for record in fleet.trips()} == {
        "trip-1": "underway",
        "trip-2": "finished",
        "trip-3": "planned",
    }
    assert fleet.vehicles["van-1"].trip_id == "trip-1"
    underway = fleet.trip("trip-1")
    assert underway is not None
    assert (underway.fraction, underway.route_name) == (0.2, "Unión → Maroñas")


async def test_events_on_top_of_the_snapshot_count_once() -> None:
    store = InMemoryStore()
    await stored(store, started(), finished())
    view = await view_of(store)
    view.receive([fact_event(started(), "a"), fact_event(finished(), "b")])
    assert view.hub.fleet.counts.finished_today == 1


async def test_an_end_that_the_killed_gateway_took_with_it_is_found_in_the_store() -> None:
    store = InMemoryStore()
    await stored(store, started())
    view = await view_of(store)
    await stored(store, finished())  # persist was a little behind the snapshot
    await view.tend()
    assert view.hub.fleet.counts == Counts(planned=0, underway=0, finished_today=1, cancelled_today=0)


async def test_a_start_that_the_killed_gateway_took_with_it_is_found_in_the_store() -> None:
    store = InMemoryStore()
    view = await view_of(store)
    await stored(store, started())
    await view.tend()
    assert view.hub.fleet.open_trips() == ["trip-1"]


async def test_facts_of_a_trip_that_is_not_known_bring_it_in() -> None:
    store = InMemoryStore()
    await store.add_route(TENANT, planned())
    view = await view_of(store)
    await stored(store, started(), progressed(fraction=0.2))
    view.receive([fact_event(progressed(second=90, fraction=0.3), "p")])
    await view.look_up()
    await view.look_up()
    record = view.hub.fleet.trip("trip-1")
    assert record is not None
    assert record.route_name == "Unión → Maroñas"


async def test_the_store_is_left_alone_when_nothing_is_open_and_nothing_happens() -> None:
    store, clock = Counted(), Clock(at(700))
    view = await view_of(store, clock)
    clock.now += timedelta(hours=1)
    asked = store.asked
    await view.tend()
    assert store.asked == asked
    view.receive([fact_event(started(), "s")])
    await view.tend()
    assert store.asked == asked + 1


async def test_counts_that_drifted_are_taken_from_the_store_when_it_is_quiet() -> None:
    store = InMemoryStore()
    await stored(store, started())
    view = await view_of(store)
    await stored(store, started("old", "van-9"), cancelled("old", "van-9"))  # neither event reached this gateway
    await view.tend()
    assert view.hub.fleet.counts.cancelled_today == 0
    await view.tend()
    assert view.hub.fleet.counts == Counts(planned=0, underway=1, finished_today=0, cancelled_today=1)


async def test_midnight_begins_a_new_count() -> None:
    store, clock = InMemoryStore(), Clock(at(700))
    await stored(store, started(), finished())
    view = LiveView(store, TENANT, MIDNIGHT.tzinfo, clock)
    await view.load()
    assert view.hub.fleet.counts.finished_today == 1
    clock.now += timedelta(hours=12)
    await view.tend()
    assert view.hub.fleet.counts.finished_today == 0
    assert view.hub.fleet.trips() == []


async def test_an_event_whose_data_cannot_be_read_is_passed_over_and_the_others_are_taken() -> None:
    view = await view_of(InMemoryStore())
    bad = fact_event(position("bad"), "b")
    bad = type(bad)(
        **{name: getattr(bad, name) for name in bad.__struct_fields__ if name != "data"}, data=b'{"lat": 91}'
    )
    view.receive([fact_event(position("good"), "g"), bad])
    assert set(view.hub.fleet.vehicles) == {"good"}


async def test_other_tenants_and_unknown_types_are_passed_over() -> None:
    view = await view_of(InMemoryStore())
    event = fact_event(position(), "p")
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    view.receive([type(event)(**{**fields, "tenant": "acme"}), type(event)(**{**fields, "type": "com.example.other"})])
    assert view.hub.fleet.vehicles == {}


async def test_a_session_ends_its_messages_at_the_newest() -> None:
    view = await view_of(InMemoryStore())
    session = view.join(JSON, Watch())
    messages = session.messages()
    await anext(messages)
    view.receive([fact_event(position(second=1), "1")])
    view.receive([fact_event(position(second=2), "2")])
    frame = JSON.frame(await anext(messages))
    assert [v.recorded_ms for v in frame.vehicles] == [at(2).timestamp() * 1000]
    view.leave(session)
    await messages.aclose()


async def test_a_position_of_the_far_future_is_passed_over() -> None:
    view = await view_of(InMemoryStore())
    view.receive([fact_event(replace(position(), recorded_at=MIDNIGHT.replace(year=2150)), "a")])
    view.receive([fact_event(position(second=690), "b")])
    assert view.hub.fleet.vehicles["van-1"].recorded_ms == at(690).timestamp() * 1000
