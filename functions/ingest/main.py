"""Takes positions from devices, and answers once the broker has them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from struct import Struct as Packed
from typing import Annotated

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.json import Decoder

from trackway.domain.clocks import is_plausible
from trackway.events import Event, PositionRecorded, event_of, from_milliseconds, utc_text
from trackway.events.fields import Heading, Identifier, Latitude, Longitude, Moment, Speed
from trackway.functions import Answer, Deps, Hot, Http, Problem, Refused, Request

SOURCE = "/trackway/functions/ingest"
KNOT = 1852 / 3600
"""Metres per second."""
_REPORT = Packed("<ddd").pack

Accuracy = Annotated[float, Meta(ge=0, le=1_000_000, description="metres")]
Altitude = Annotated[float, Meta(ge=-1000, le=100_000, description="metres")]


class Fix(Struct, frozen=True):
    """A position as plain JSON; ``id`` is the vehicle's. Without ``recorded_at`` it was recorded now."""

    id: Identifier
    lat: Latitude
    lng: Longitude
    recorded_at: Moment | None = None
    speed: Speed | None = None
    heading: Heading | None = None
    accuracy: Accuracy | None = None
    altitude: Altitude | None = None


class OsmAndFix(Struct, frozen=True, gc=False):
    """A position as OsmAnd and Traccar Client send it: ``timestamp`` in s or ms since 1970 or ISO 8601, ``speed`` in
    knots; a negative speed, bearing or accuracy says that the phone does not know."""

    id: Identifier
    lat: Latitude
    lon: Longitude
    timestamp: str | None = None
    speed: Annotated[float, Meta(ge=-1000, le=970, description="knots")] | None = None
    bearing: Annotated[float, Meta(ge=-360, le=360, description="degrees clockwise from north")] | None = None
    accuracy: Annotated[float, Meta(ge=-1000, le=1_000_000, description="metres")] | None = None
    altitude: Altitude | None = None


class Accepted(Struct, frozen=True):
    """How many positions the broker has."""

    accepted: int


LONGEST_PLAIN = 500
_decode_fields = Decoder(OsmAndFix, strict=False).decode


def read_plain(query: bytes, deps: Deps) -> Event | None:
    """The event of an OsmAnd query without escapes, as ``report_osmand`` would make it; None for any other, which that
    one reads."""
    if len(query) > LONGEST_PLAIN or b"%" in query or b"+" in query or not query.isascii():
        return None
    if b'"' in query or b"\\" in query:  # they mean something in the text below
        return None
    # As the JSON of texts, which is decoded and checked in half the time that splitting it and converting takes.
    fields = b'{"%b"}' % query.replace(b"&", b'","').replace(b"=", b'":"')
    try:
        return _event_of_osmand(_decode_fields(fields), deps.settings.tenant, deps.clock.now())
    except (ValueError, Refused):  # also msgspec's: whatever is wrong is told by who reads slowly
        return None


ANSWERS: dict[int, type | None] = {200: Accepted, 400: Problem, 413: Problem, 415: Problem, 503: Problem}
ingest = Http()


@ingest.post("/v1/ingest", body=Fix | list[Fix], answers=ANSWERS, summary="Report one position or an array of them")
async def report(request: Request[Fix | list[Fix]], deps: Deps) -> Answer:
    fixes = request.body if isinstance(request.body, list) else [request.body]
    return _accept(fixes, request.tenant, deps.clock.now(), "recorded_at")


BY_QUERY = "Report as OsmAnd does, by query"
BY_FORM = "Report as OsmAnd does, by form"
PLAIN = Hot(read_plain, Answer(200, Accepted(1)))


@ingest.get("/v1/ingest/osmand", body=OsmAndFix, form=True, answers=ANSWERS, summary=BY_QUERY, hot=PLAIN)
@ingest.post("/v1/ingest/osmand", body=OsmAndFix, form=True, answers=ANSWERS, summary=BY_FORM, hot=PLAIN)
async def report_osmand(request: Request[OsmAndFix], deps: Deps) -> Answer:
    return Answer(200, Accepted(1), events=[_event_of_osmand(request.body, request.tenant, deps.clock.now())])


def _event_of_osmand(sent: OsmAndFix, tenant: str, now: datetime) -> Event:
    position = PositionRecorded(
        vehicle_id=sent.id,
        lat=sent.lat,
        lng=sent.lon,
        recorded_at=_plausible(_moment(sent.timestamp), now, "timestamp") if sent.timestamp else now,
        received_at=now,
        heading=_known(sent.bearing),
        speed=None if sent.speed is None or sent.speed < 0 else round(sent.speed * KNOT, 3),
        accuracy=_known(sent.accuracy),
        altitude=sent.altitude,
    )
    return _event(position, tenant)


def _accept(fixes: Sequence[Fix], tenant: str, now: datetime, field: str) -> Answer:
    """All of them, or none: one that is refused is named, and nothing is emitted."""
    several = len(fixes) > 1
    events = [
        _event(_position(fix, now, f"[{number}].{field}" if several else field), tenant)
        for number, fix in enumerate(fixes)
    ]
    return Answer(200, Accepted(len(events)), events=events)


def _position(fix: Fix, now: datetime, field: str) -> PositionRecorded:
    return PositionRecorded(
        vehicle_id=fix.id,
        lat=fix.lat,
        lng=fix.lng,
        recorded_at=_plausible(fix.recorded_at, now, field) if fix.recorded_at else now,
        received_at=now,
        heading=fix.heading,
        speed=fix.speed,
        accuracy=fix.accuracy,
        altitude=fix.altitude,
    )


def _plausible(said_at: datetime, now: datetime, field: str) -> datetime:
    """The moment in UTC; refused if nothing can have happened then."""
    if not is_plausible(said_at, now):  # judged as it was said: in UTC it may lie beyond the calendar
        raise Refused(400, f"{field}: {said_at.isoformat()} is not plausible; it is {utc_text(now)} here", field)
    return said_at.astimezone(UTC)


def _event(position: PositionRecorded, tenant: str) -> Event:
    vehicle_id = position.vehicle_id
    return event_of(
        position,
        id=_id_of(vehicle_id, position.lat, position.lng, position.recorded_at),
        source=SOURCE,
        subject=vehicle_id,
        partitionkey=vehicle_id,
        time=position.recorded_at,
        tenant=tenant,
    )


def _id_of(vehicle_id: str, lat: float, lng: float, recorded_at: datetime) -> str:
    """A device that repeats a report, because the answer got lost, repeats the id."""
    return blake2b(_REPORT(lat, lng, recorded_at.timestamp()) + vehicle_id.encode(), digest_size=12).hexdigest()


def _known(value: float | None) -> float | None:
    return None if value is None or value < 0 else value


def _moment(text: str) -> datetime:
    """Seconds or milliseconds since 1970 (the latter from 1973 on, in seconds year 5138), or ISO 8601, in UTC if it
    does not say."""
    try:
        number = float(text)
        return from_milliseconds(number if number >= 1e11 else number * 1000)
    except (OverflowError, OSError):
        raise Refused(400, f"timestamp: {text} is no moment", "timestamp") from None
    except ValueError:
        pass
    try:
        moment = convert(text, datetime)
    except ValidationError:
        raise Refused(
            400, f"timestamp: {text[:40]!r} is neither s or ms since 1970 nor ISO 8601", "timestamp"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
