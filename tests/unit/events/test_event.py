"""An event carries a fact; what does not fit is refused with the field's name."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from trackway.events import (
    FACTS,
    TYPES,
    Event,
    InvalidEvent,
    PositionRecorded,
    TripFinished,
    decode,
    event_of,
    fact_of,
    from_milliseconds,
    milliseconds,
    utc_text,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
POSITION = PositionRecorded(vehicle_id="van-1", lat=-34.9, lng=-56.2, recorded_at=NOON)


def event(data: bytes | None = None) -> Event:
    made = event_of(POSITION, id="1", source="/test", subject="van-1", partitionkey="van-1", time=NOON)
    return made if data is None else msgspec.structs.replace(made, data=data)


def test_the_type_follows_from_the_fact() -> None:
    assert event().type == "dev.trackway.position.recorded.v1"
    assert fact_of(event()) == decode(event(), PositionRecorded) == POSITION


def test_another_type_than_asked_for_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=r"expected dev\.trackway\.trip\.finished\.v1"):
        decode(event(), TripFinished)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"vehicle_id":"van-1","lat":91.2,"lng":0,"recorded_at":"2026-01-01T00:00:00Z"}', "lat"),
        (b'{"vehicle_id":"van-1","lat":1,"lng":180.1,"recorded_at":"2026-01-01T00:00:00Z"}', "lng"),
        (b'{"vehicle_id":"van-1","lng":0,"recorded_at":"2026-01-01T00:00:00Z"}', "lat"),
        (b'{"vehicle_id":"van 1","lat":1,"lng":0,"recorded_at":"2026-01-01T00:00:00Z"}', "vehicle_id"),
        (b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"2026-01-01T00:00:00"}', "recorded_at"),
        (b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"yesterday"}', "recorded_at"),
        (b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"9999-12-31T23:59:59-12:00"}', "recorded_at"),
        (b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"0001-01-01T00:00:00+12:00"}', "recorded_at"),
        (
            b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"2026-01-01T00:00:00Z","seq":9223372036854775808}',
            "seq",
        ),
        (b'{"vehicle_id":"van-1","lat":"1","lng":0,"recorded_at":"2026-01-01T00:00:00Z"}', "lat"),
        (b'{"vehicle_id":"van-1","lat":', "data"),
        (b"\xff\xfe", "data"),
        (b"", "data"),
        pytest.param(b"[" * 5000 + b"]" * 5000, None, id="deep array"),
        pytest.param(b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}", "data", id="deep object"),
    ],
)
def test_data_that_do_not_fit_name_the_field(data: bytes, field: str | None) -> None:
    with pytest.raises(InvalidEvent) as error:
        fact_of(event(data))
    assert error.value.field == field
    assert (field or "data") in error.value.detail


def test_a_field_that_a_newer_sender_added_is_passed_over() -> None:
    data = b'{"vehicle_id":"van-1","lat":1,"lng":0,"recorded_at":"2026-01-01T00:00:00Z","battery":0.5}'
    assert decode(event(data), PositionRecorded).lat == 1


def test_an_unknown_type_is_refused_with_its_name() -> None:
    stranger = msgspec.structs.replace(event(), type="com.example.thing")
    with pytest.raises(InvalidEvent, match=r"com\.example\.thing") as error:
        fact_of(stranger)
    assert error.value.field == "type"


def test_the_table_of_types_is_one_to_one_and_versioned() -> None:
    assert len(TYPES) == len(FACTS)
    assert all(type_.startswith("dev.trackway.") and type_.endswith(".v1") for type_ in FACTS)


def test_moments() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    assert utc_text(paris) == "2026-11-23T12:00:00Z"
    assert from_milliseconds(milliseconds(paris)) == NOON
