"""Plans routes: over the streets through stops, or along a line that was drawn, recorded or exported elsewhere."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from trackway.events import RoutePlanned, event_of
from trackway.events.fields import Duration, Latitude, Longitude, Name
from trackway.functions import Answer, Deps, Http, Problem, Refused, Request
from trackway.streets.graph import MapMissing, Streets
from trackway.streets.planning import Place, UnusableRoute, route_from_points, route_from_stops

SOURCE = "/trackway/functions/plan"
MOST_STOPS = 100
MOST_POINTS = 10_000
"""A route travels as one event, and brokers take up to 1 MiB."""


class DraftStop(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the vehicle halts, for ``dwell`` seconds."""

    lat: Latitude
    lng: Longitude
    name: Name | None = None
    dwell: Duration = 0.0


class DraftPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A place of a drawn line."""

    lat: Latitude
    lng: Longitude


class RouteDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """A route to plan: ``stops`` are connected over the streets, ``points`` are the line itself; one of the two.
    Without ``name`` it is named after its ends."""

    name: Name | None = None
    stops: Annotated[list[DraftStop], Meta(min_length=2, max_length=MOST_STOPS)] | None = None
    points: Annotated[list[DraftPoint], Meta(min_length=2, max_length=MOST_POINTS)] | None = None


# Other forms of a draft ----------------------------------------------------------------------------------------------


def read_csv(body: bytes, query: Mapping[str, str]) -> RouteDraft:
    """Stops as lines of ``lat,lng[,name]``, with or without a line of headings."""
    try:
        rows = [row for row in csv.reader(StringIO(_text(body, "CSV"))) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise Refused(400, f"the body is not CSV: {error}") from None
    if rows and rows[0][0].strip().lower() in {"lat", "latitude"}:
        rows = rows[1:]
    stops: list[dict[str, str]] = []
    for number, row in enumerate(rows):
        if len(row) < 2:
            raise Refused(
                400, f"stops[{number}]: a line is lat,lng[,name], not {','.join(row)[:40]!r}", f"stops[{number}]"
            )
        stop = {"lat": row[0].strip(), "lng": row[1].strip()}
        stops.append({**stop, "name": row[2].strip()} if len(row) > 2 and row[2].strip() else stop)
    return _draft({"stops": stops}, query)


class LineString(Struct, frozen=True, tag="LineString", tag_field="type"):
    """GeoJSON's geometry of a line: [lng, lat], and perhaps a height, which is not used."""

    coordinates: list[Annotated[list[float], Meta(min_length=2, max_length=4)]]


class Properties(Struct, frozen=True):
    """What is read of a Feature's properties."""

    name: Name | None = None


class Feature(Struct, frozen=True, tag="Feature", tag_field="type"):
    """GeoJSON's line with properties."""

    geometry: LineString
    properties: Properties | None = None


def read_geojson(body: bytes, query: Mapping[str, str]) -> RouteDraft:
    """A line as a GeoJSON LineString, by itself or as a Feature."""
    found = msgspec.json.decode(body, type=LineString | Feature)
    line, properties = (found.geometry, found.properties) if isinstance(found, Feature) else (found, None)
    points = [{"lat": position[1], "lng": position[0]} for position in line.coordinates]
    return _draft({"points": points}, query, properties.name if properties else None)


def read_gpx(body: bytes, query: Mapping[str, str]) -> RouteDraft:
    """A line as the tracks of a GPX file, or if it has none, its routes."""
    import gpxpy  # noqa: PLC0415 - heavy, and few routes come as GPX
    import gpxpy.gpx  # noqa: PLC0415 - likewise

    text = _text(body, "GPX")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refused(400, "the body is not GPX: it defines entities")
    try:
        gpx = gpxpy.parse(text)
    except gpxpy.gpx.GPXException as error:
        raise Refused(400, f"the body is not GPX: {error}") from None
    tracked = [point for track in gpx.tracks for segment in track.segments for point in segment.points]
    routed = [point for route in gpx.routes for point in route.points]
    named = next((part.name for part in (*gpx.tracks, *gpx.routes) if part.name), gpx.name)
    points = [{"lat": point.latitude, "lng": point.longitude} for point in tracked or routed]
    return _draft({"points": points}, query, named)


def _draft(parts: Mapping[str, object], query: Mapping[str, str], name: object = None) -> RouteDraft:
    """Held to the same rules as JSON; the query's name comes before the file's own. Raises ValidationError."""
    chosen = query.get("name") or (name if isinstance(name, str) and name else None)
    return msgspec.convert({**parts, "name": chosen}, RouteDraft, strict=False)


def _text(body: bytes, what: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not {what}: it is not UTF-8: {error}") from None


# The function --------------------------------------------------------------------------------------------------------

plan = Http()


@plan.post(
    "/v1/routes",
    body=RouteDraft,
    readers={"application/gpx+xml": read_gpx, "application/geo+json": read_geojson, "text/csv": read_csv},
    answers={201: RoutePlanned, 400: Problem, 413: Problem, 415: Problem, 503: Problem},
    summary="Plan a route: through stops over the streets, or along a line",
)
async def plan_route(request: Request[RouteDraft], deps: Deps) -> Answer:
    try:
        route = _route(request.body, deps)
    except UnusableRoute as error:
        raise Refused(400, f"{error.field}: {error.detail}", error.field) from None
    await deps.store.add_route(request.tenant, route)
    kept = await deps.store.route(request.tenant, route.route_id) or route  # planned before, it is as it was then
    event = event_of(
        kept,
        id=kept.route_id,
        source=SOURCE,
        subject=kept.route_id,
        partitionkey=kept.route_id,
        time=kept.planned_at,
        tenant=request.tenant,
    )
    return Answer(201, kept, {"location": f"/v1/routes/{kept.route_id}"}, [event])


def _route(draft: RouteDraft, deps: Deps) -> RoutePlanned:
    """The route of a draft. Raises UnusableRoute, Refused."""
    if (draft.stops is None) == (draft.points is None):
        raise Refused(400, "stops: give either stops or points, one of the two", "stops")
    now = deps.clock.now()
    if draft.points is not None:
        places = [Place(lat=point.lat, lng=point.lng) for point in draft.points]
        return route_from_points(places, name=draft.name, planned_at=now, streets=_streets(deps))
    streets = _streets(deps)
    if streets is None:
        raise Refused(503, "there is no map to find a way on; draw the line instead (points), or build the map")
    return route_from_stops(streets, _places(draft.stops or []), name=draft.name, planned_at=now)


def _places(stops: Sequence[DraftStop]) -> list[Place]:
    return [Place(lat=stop.lat, lng=stop.lng, name=stop.name, dwell=stop.dwell) for stop in stops]


def _streets(deps: Deps) -> Streets | None:
    try:
        return deps.streets
    except MapMissing:
        return None
