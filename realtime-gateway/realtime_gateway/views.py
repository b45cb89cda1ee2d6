"""What the HTTP queries answer, as records; the OpenAPI document is made of them."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from realtime_gateway.protocol import LiveVehicle
from trackway.events import NOT_JSON, Event, PositionRecorded
from trackway.events.envelope import to_structured
from trackway.storage.port import DeadLetter, RouteSummary, TripView


class RouteList(Struct, frozen=True, kw_only=True):
    """All routes by name, without their paths."""

    routes: list[RouteSummary]


class TripList(Struct, frozen=True, kw_only=True):
    """Trips, newest first; ``next`` is the cursor of the next page, or null on the last."""

    trips: list[TripView]
    next: str | None


class PositionList(Struct, frozen=True, kw_only=True):
    """A trip's positions by ``recorded_at``."""

    positions: list[PositionRecorded]


class VehicleList(Struct, frozen=True, kw_only=True):
    """Every vehicle where it was last, by id."""

    vehicles: list[LiveVehicle]


class NearVehicle(Struct, frozen=True, kw_only=True):
    """A vehicle, and how many metres it is from the place that was asked for."""

    distance: float
    vehicle: LiveVehicle


class NearVehicleList(Struct, frozen=True, kw_only=True):
    """The vehicles near a place, nearest first."""

    vehicles: list[NearVehicle]


class CloudEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event in the structured form of CloudEvents 1.0; extensions stand beside the attributes."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    tenant: str | None = None
    partitionkey: str | None = None
    traceparent: str | None = None
    data: Any = None
    data_base64: str | None = None


class EventList(Struct, frozen=True, kw_only=True):
    """A trip's facts but its positions, newest first."""

    events: list[CloudEvent]


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """An event that nobody could handle, where it failed, when and why."""

    letter_id: str
    event: CloudEvent
    failed_at: datetime
    destination: str
    code: int | None
    reason: str


class DeadLetterList(Struct, frozen=True, kw_only=True):
    """The newest dead letters, and how many there are in all."""

    dead_letters: list[DeadLetterView]
    total: int


class Health(Struct, frozen=True, kw_only=True):
    """The gateway answers."""

    status: str = "ok"


def structured(event: Event) -> Raw:
    """The event as the document that stands for a CloudEvent; its data are not decoded on the way."""
    return Raw(to_structured(event))


def structured_whatever(event: Event) -> Raw:
    """The same for a dead letter, whose data may be no JSON although it says so: they stand there as base64 then."""
    try:
        msgspec.json.decode(event.data or b"null")
    except NOT_JSON:
        opaque = msgspec.structs.replace(event, datacontenttype="application/octet-stream")
        document = msgspec.json.decode(to_structured(opaque), type=dict[str, str])
        return Raw(msgspec.json.encode({**document, "datacontenttype": event.datacontenttype}))
    return structured(event)


def letter_document(letter: DeadLetter) -> dict[str, Any]:
    """A DeadLetterView whose event is encoded already."""
    return {
        "letter_id": letter.letter_id,
        "event": structured_whatever(letter.event),
        "failed_at": letter.failed_at,
        "destination": letter.destination,
        "code": letter.code,
        "reason": letter.reason,
    }
