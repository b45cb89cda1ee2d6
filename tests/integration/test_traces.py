"""One trace from the tick to the browser's frame, as a collector gets it from a Trackway that was started with one."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from websockets.sync.client import connect

from tests.collector import Collector, Span, collecting
from tests.running import Running, eventually, leave_nothing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def trackway(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("traced") / "var")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        patch.setenv("OTEL_SERVICE_NAME", "the shell's, and not every process's")
        running.start("--otlp", collector.url)
    yield running
    leave_nothing(running)


def start_trip(trackway: Running, vehicle: str, **headers: str) -> str:
    points = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
    route_id = trackway.post("/v1/routes", {"name": "Short", "points": points})["route_id"]
    return trackway.post("/v1/trips", {"route_id": route_id, "vehicle_id": vehicle, "speed": 5}, **headers)["trip_id"]


def test_a_trace_leads_from_the_tick_to_the_frame(trackway: Running, collector: Collector) -> None:
    with connect(trackway.url.replace("http", "ws") + "/v1/live", origin=trackway.url) as socket:
        socket.send('{"kind":"watch"}')
        start_trip(trackway, "traced-1")

        def told() -> list[Span] | None:
            while True:  # what has come is read, so that frames go on
                try:
                    socket.recv(timeout=0)
                except TimeoutError:
                    break
            return next((way for tick in collector.named("tick") if (way := collector.way_to_a_frame(tick))), None)

        tick, taken, frame = eventually(told, what="a tick's trace with a frame")

    assert [(each.service, each.name, each.kind) for each in (tick, taken, frame)] == [
        ("simulate", "tick", "PRODUCER"),
        ("realtime-gateway", "process realtime-gateway", "CONSUMER"),
        ("realtime-gateway", "frame", "PRODUCER"),
    ]
    assert tick.parent == "", "each tick begins a trace"
    assert {tick.trace, taken.trace, frame.trace} == {tick.trace}
    assert tick.start_ns <= taken.start_ns <= frame.start_ns <= frame.end_ns
    assert taken.attributes["cloudevents.event_type"] == "dev.trackway.position.recorded.v1"
    eventually(
        lambda: {each.service for each in collector.below(tick)} == {"persist", "progress", "realtime-gateway"},
        what="all that handle a position, each below the tick",
    )


def test_a_trip_s_start_goes_on_in_the_caller_s_trace_and_what_follows_from_positions_in_theirs(
    trackway: Running, collector: Collector
) -> None:
    trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    trip_id = start_trip(trackway, "traced-2", traceparent=f"00-{trace}-{caller}-01")
    asked = eventually(
        lambda: next((each for each in collector.named("POST /v1/trips") if each.trace == trace), None),
        what="the request's span",
    )
    assert (asked.service, asked.kind, asked.parent) == ("dispatch", "SERVER", caller)
    assert asked.attributes["http.response.status_code"] == 201
    shown_as = eventually(lambda: trackway.get(f"/v1/trips/{trip_id}/events")["events"], what="the start on the page")
    assert shown_as[-1]["traceparent"] == f"00-{trace}-{asked.id}-01", "where it can be looked up"
    eventually(
        lambda: (
            {each.service for each in collector.below(asked)} >= {"simulate", "persist", "progress", "realtime-gateway"}
        ),
        what="all that hear of a start, below the request",
    )

    def arrived() -> list[Span]:
        stored = collector.named("process persist")
        return [each for each in stored if "trip.finished" in each.attributes["cloudevents.event_type"]]

    stored = eventually(arrived, within=60, what="the arrival stored")[0]
    noticed = eventually(lambda: collector.above(stored), what="what noticed it")
    assert noticed.name == "process progress"
    tick = eventually(lambda: collector.above(noticed), what="the tick that brought it there")
    assert tick.name == "tick"
    assert len({each.trace for each in collector.named("tick")}) == len(collector.named("tick")), "a trace for each"


def test_a_device_s_report_begins_a_trace_and_its_caller_s_is_taken(trackway: Running, collector: Collector) -> None:
    now = str(int(datetime.now(UTC).timestamp()))
    query = {"id": "traced-3", "lat": "-34.9", "lon": "-56.1", "timestamp": now}
    trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    assert trackway.client.get("/v1/ingest/osmand", params=query).status_code == 200
    headers = {"traceparent": f"00-{trace}-{caller}-01"}
    assert (
        trackway.client.get("/v1/ingest/osmand", params={**query, "lat": "-34.91"}, headers=headers).status_code == 200
    )

    def asked() -> list[Span] | None:
        found = collector.named("GET /v1/ingest/osmand")
        return found if len(found) == 2 and all(len(collector.below(each)) >= 3 for each in found) else None

    own, given = sorted(eventually(asked, what="both requests' traces"), key=lambda each: each.trace == trace)
    assert (own.parent, given.parent, given.trace) == ("", caller, trace)
    assert own.trace != trace
    for each in (own, given):
        assert each.service == "ingest"
        assert {below.service for below in collector.below(each)} >= {"persist", "progress", "realtime-gateway"}


def test_who_was_not_sampled_is_not_recorded_and_its_events_say_so(trackway: Running, collector: Collector) -> None:
    trace = "11111111111111111111111111111111"
    body = {"id": "traced-4", "lat": -34.9, "lng": -56.1}
    trackway.post("/v1/ingest", body, traceparent=f"00-{trace}-00f067aa0ba902b7-00")
    trackway.post("/v1/ingest", {**body, "lat": -34.91})
    eventually(lambda: collector.named("POST /v1/ingest"), what="the sampled request")
    assert not [each for each in collector.spans if each.trace == trace]


def test_what_is_traced_names_no_place_and_no_person(collector: Collector) -> None:
    assert collector.spans
    told = repr(collector.spans)
    assert "-34.9" not in told
    assert "-56.1" not in told
    assert "traced-" not in told, "a vehicle may be named after who drives it"
