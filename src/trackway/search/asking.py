"""What is asked of Elasticsearch and what its answers mean: pure, a body in, records out.

A trip's words stand in few events (its start, its route, its alerts), its places in many (its positions). So text finds
trips first, then places and times narrow down to those that were there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from msgspec import Struct

from trackway.domain.geometry import distance
from trackway.domain.lifecycle import TripStatus
from trackway.search.port import Near, PositionFound, Question, TripFound

Body = dict[str, Any]
Answer = Mapping[str, Any]

MOST_TRIPS_BY_TEXT: Final = 1000
_WORDS: Final = ("data.vehicle_name", "data.name", "data.geofence_name", "data.reason", "data.stops.name")
_IDS: Final = ("data.trip_id", "data.vehicle_id", "data.route_id")
_STARTED: Final = "dev.trackway.trip.started.v1"
_FINISHED: Final = "dev.trackway.trip.finished.v1"
_CANCELLED: Final = "dev.trackway.trip.cancelled.v1"
_PROGRESSED: Final = "dev.trackway.trip.progressed.v1"
_PLANNED: Final = "dev.trackway.route.planned.v1"


class Named(Struct, frozen=True):
    """What a text names: trips, and routes whose trips are meant."""

    trips: list[str]
    routes: list[str]


class Places(Struct, frozen=True):
    """Who was in a place: positions, how many there are, the trips that they name, and the vehicles without one."""

    positions: list[PositionFound]
    total: int
    trips: list[str]
    vehicles: list[str]


def named_body(question: Question) -> Body:
    """Who bears the words, among all events but positions and progress; of no time, since a name is given once."""
    assert question.text is not None  # noqa: S101 - only asked with a text
    return {
        "size": 0,
        "query": {
            "bool": {
                "filter": [_tenant(question)],
                "must_not": [{"term": {"type": _PROGRESSED}}],
                "should": _words(question.text),
                "minimum_should_match": 1,
            }
        },
        "aggs": {
            "trips": _newest("data.trip_id", MOST_TRIPS_BY_TEXT),
            "routes": {
                "filter": {"term": {"type": _PLANNED}},
                "aggs": {"ids": {"terms": {"field": "data.route_id", "size": MOST_TRIPS_BY_TEXT}}},
            },
        },
    }


def named(answer: Answer) -> Named:
    """Reads the answer to ``named_body``."""
    aggregations = answer["aggregations"]
    return Named(_keys(aggregations["trips"]), _keys(aggregations["routes"]["ids"]))


def driven_body(question: Question, routes: Sequence[str]) -> Body:
    """Which trips were started on these routes."""
    starts = [_tenant(question), {"term": {"type": _STARTED}}, {"terms": {"data.route_id": list(routes)}}]
    return {
        "size": 0,
        "query": {"bool": {"filter": starts}},
        "aggs": {"trips": _newest("data.trip_id", MOST_TRIPS_BY_TEXT)},
    }


def driven(answer: Answer) -> list[str]:
    """Reads the answer to ``driven_body``."""
    return _keys(answer["aggregations"]["trips"])


def places_body(question: Question, trips: Sequence[str] | None) -> Body:
    """Positions in the circle since the moment: of these trips, or of a vehicle that the text is the id of."""
    filters = [_tenant(question), *_since(question), *_near(question)]
    if trips is not None:
        vehicle = {"term": {"data.vehicle_id": {"value": question.text, "case_insensitive": True}}}
        either = [{"terms": {"data.trip_id": list(trips)}}, vehicle]
        filters.append({"bool": {"should": either, "minimum_should_match": 1}})
    nameless = {"bool": {"must_not": [{"exists": {"field": "data.trip_id"}}]}}
    return {
        "size": question.limit,
        "track_total_hits": True,
        "query": {"bool": {"filter": filters}},
        "collapse": {"field": "data.vehicle_id"},
        "sort": [{"time": "desc"}],
        "_source": ["data"],
        "aggs": {
            "trips": _newest("data.trip_id", question.limit),
            "nameless": {"filter": nameless, "aggs": {"vehicles": _newest("data.vehicle_id", question.limit)}},
        },
    }


def places(answer: Answer, near: Near | None) -> Places:
    """Reads the answer to ``places_body``."""
    hits, aggregations = answer["hits"], answer["aggregations"]
    return Places(
        [_position(hit["_source"]["data"], near) for hit in hits["hits"]],
        hits["total"]["value"],
        _keys(aggregations["trips"]),
        _keys(aggregations["nameless"]["vehicles"]),
    )


def heard_body(question: Question, trips: Sequence[str] | None, vehicles: Sequence[str] = ()) -> Body:
    """Which trips, of these and of these vehicles, something was heard of since the moment, last heard first."""
    filters = [_tenant(question), *_since(question)]
    if trips is not None:
        either = [{"terms": {"data.trip_id": list(trips)}}, {"terms": {"data.vehicle_id": list(vehicles)}}]
        filters.append({"bool": {"should": either, "minimum_should_match": 1}})
    return {
        "size": 0,
        "query": {"bool": {"filter": filters}},
        "aggs": {"trips": _newest("data.trip_id", question.limit)},
    }


def trips_body(question: Question, trips: Sequence[str]) -> Body:
    """All that a list shows of these trips."""

    def last(*types: str) -> Body:
        hits = {"top_hits": {"size": 1, "sort": [{"time": "desc"}], "_source": ["type", "data"]}}
        return {"filter": {"terms": {"type": list(types)}}, "aggs": {"last": hits}}

    each = {
        "latest": {"max": {"field": "time"}},
        "started": last(_STARTED),
        "ended": last(_FINISHED, _CANCELLED),
        "progressed": last(_PROGRESSED),
        "any": last(_STARTED, _FINISHED, _CANCELLED, _PROGRESSED),
    }
    return {
        "size": 0,
        "query": {"bool": {"filter": [_tenant(question), {"terms": {"data.trip_id": list(trips)}}]}},
        "aggs": {
            "trips": {
                "terms": {"field": "data.trip_id", "size": max(1, len(trips)), "order": {"latest": "desc"}},
                "aggs": each,
            }
        },
    }


def trips(answer: Answer) -> list[TripFound]:
    """Reads the answer to ``trips_body``."""
    found = (_trip(bucket) for bucket in answer["aggregations"]["trips"]["buckets"])
    return [trip for trip in found if trip is not None]


def _trip(bucket: Answer) -> TripFound | None:
    started, ended, progressed, known = (_last(bucket[name]) for name in ("started", "ended", "progressed", "any"))
    if known is None:  # only alerts of it are kept
        return None
    moment = ended["data"].get("finished_at") or ended["data"].get("cancelled_at") if ended else None
    start: Answer = started["data"] if started else {}
    return TripFound(
        trip_id=bucket["key"],
        vehicle_id=known["data"]["vehicle_id"],
        status=_ENDS[ended["type"]] if ended else TripStatus.UNDERWAY,
        latest=datetime.fromisoformat(bucket["latest"]["value_as_string"]),
        vehicle_name=start.get("vehicle_name"),
        route_id=start.get("route_id"),
        started_at=_moment(start.get("started_at")),
        ended_at=_moment(moment),
        delay=progressed["data"].get("delay") if progressed else None,
    )


_ENDS: Final = {_FINISHED: TripStatus.FINISHED, _CANCELLED: TripStatus.CANCELLED}


def _position(data: Answer, near: Near | None) -> PositionFound:
    return PositionFound(
        vehicle_id=data["vehicle_id"],
        lat=data["lat"],
        lng=data["lng"],
        recorded_at=datetime.fromisoformat(data["recorded_at"]),
        trip_id=data.get("trip_id"),
        speed=data.get("speed"),
        distance=None if near is None else distance(near.lat, near.lng, data["lat"], data["lng"]),
    )


def _last(filtered: Answer) -> Answer | None:
    hits = cast("list[Answer]", filtered["last"]["hits"]["hits"])
    return hits[0]["_source"] if hits else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _keys(terms: Answer) -> list[str]:
    return [bucket["key"] for bucket in terms["buckets"]]


def _newest(field: str, size: int) -> Body:
    """The values of a field, those of the newest events first."""
    return {
        "terms": {"field": field, "size": size, "order": {"latest": "desc"}},
        "aggs": {"latest": {"max": {"field": "time"}}},
    }


def _tenant(question: Question) -> Body:
    return {"term": {"tenant": question.tenant}}


def _since(question: Question) -> list[Body]:
    return [] if question.since is None else [{"range": {"time": {"gte": question.since.isoformat()}}}]


def _near(question: Question) -> list[Body]:
    if question.near is None:
        return []
    near = question.near
    return [{"geo_distance": {"distance": f"{near.radius}m", "location": {"lat": near.lat, "lon": near.lng}}}]


def _words(text: str) -> list[Body]:
    # Fuzzy: a slip of the finger, or an accent left out, finds it all the same; and a phrase's last word may be begun.
    slips = {"fuzziness": "AUTO", "prefix_length": 1, "operator": "and"}
    return [
        {"multi_match": {"query": text, "fields": _WORDS, **slips}},
        {"multi_match": {"query": text, "fields": _WORDS, "type": "phrase_prefix"}},
        *({"prefix": {field: {"value": text, "case_insensitive": True}}} for field in _IDS),
    ]
