"""An event: the CloudEvents context of a fact, with its data kept as the bytes that travel."""

from datetime import UTC, datetime
from operator import attrgetter
from typing import TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Struct

from trackway.events.fields import IDENTIFIER_WORDS
from trackway.events.registry import FACTS, TYPES

DEFAULT_TENANT = "default"
F = TypeVar("F", bound=Struct)

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, or JSON nested deeper than anybody reads."""


class InvalidEvent(ValueError):
    """An event that cannot be read; says which field is to blame, in words for its sender."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """A CloudEvent 1.0 of Trackway.

    ``data`` is the JSON document as bytes, exactly as it travels (empty when there is none): it is decoded by whoever
    wants it and never encoded twice. ``tenant``, ``partitionkey`` and ``traceparent`` are extensions; others are in
    ``extensions``.
    """

    id: str
    source: str
    type: str
    data: bytes = b""
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str = "application/json"
    dataschema: str | None = None
    tenant: str = DEFAULT_TENANT
    partitionkey: str | None = None
    traceparent: str | None = None
    extensions: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, str]:
        """(source, id): what makes two deliveries the same event."""
        return self.source, self.id


_encoder = msgspec.json.Encoder()
_moments = {
    type_: [name for name, hint in get_type_hints(fact).items() if hint is datetime or datetime in get_args(hint)]
    for type_, fact in FACTS.items()
}
# How each is decoded, and how its moments are had at once (of a single one twice, since else it would be no tuple).
_readers = {
    type_: (
        msgspec.json.Decoder(fact).decode,
        attrgetter(*(_moments[type_] if len(_moments[type_]) > 1 else 2 * _moments[type_])),
    )
    for type_, fact in FACTS.items()
}
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Moments outside cannot be told apart from a clock that is not set, and the ends of the calendar have no UTC."""


def event_of(
    fact: Struct,
    *,
    id: str,
    source: str,
    subject: str,
    partitionkey: str,
    time: datetime,
    tenant: str = DEFAULT_TENANT,
    traceparent: str | None = None,
) -> Event:
    """Wrap a fact of the registry into an event; its type follows from the fact's class."""
    return Event(
        id=id,
        source=source,
        type=TYPES[type(fact)],
        data=_encoder.encode(fact),
        subject=subject,
        time=time,
        tenant=tenant,
        partitionkey=partitionkey,
        traceparent=traceparent,
    )


def decode(event: Event, fact: type[F]) -> F:
    """The event's data as ``fact``. Raises InvalidEvent if the type is another one or the data do not fit."""
    if FACTS.get(event.type) is not fact:
        raise InvalidEvent(f"event {event.id} has type {event.type}, expected {TYPES[fact]}", "type")
    value = fact_of(event)
    assert isinstance(value, fact)  # noqa: S101 - the registry's table says so; narrows the type
    return value


def fact_of(event: Event) -> Struct:
    """The event's data as the record that the registry names for its type. Raises InvalidEvent."""
    reader = _readers.get(event.type)
    if reader is None:
        raise InvalidEvent(f"type {event.type} is not known here; docs/protocol.md lists the types", "type")
    decode, moments_of = reader
    try:
        fact = decode(event.data)
    except msgspec.ValidationError as error:
        detail, field = describe(error)
        raise InvalidEvent(f"data of {event.type}: {detail}", field) from None
    except NOT_JSON as error:
        raise InvalidEvent(f"data of {event.type} is not JSON: {error}", "data") from None
    for moment in moments_of(fact):
        if moment is not None and not EARLIEST <= moment <= LATEST:
            for name in _moments[event.type]:
                check_moment(name, getattr(fact, name))
    return fact


def check_moment(name: str, moment: datetime | None) -> None:
    """Raise InvalidEvent naming the field if the moment is before 1970 or after 2200."""
    if moment is not None and not EARLIEST <= moment <= LATEST:
        raise InvalidEvent(f"{name}: {moment.isoformat()} is not between 1970 and 2200", name)


def describe(error: msgspec.ValidationError) -> tuple[str, str | None]:
    """msgspec's message as (sentence, field): ``Expected `float` <= 90.0 - at `$.lat``` blames ``lat``."""
    text = str(error)
    _, _, path = text.partition(" - at `$")
    field = path.rstrip("`").lstrip(".") or None
    if field is None and (quoted := text.split("`")) and "field `" in text:
        field = quoted[-2]
    sentence = text.partition(" - at `")[0]
    if "matching regex" in sentence:
        sentence = f"expected {IDENTIFIER_WORDS}"
    return (f"{field}: {sentence}" if field else sentence), field


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with a Z, as CloudEvents' ``time`` wants it; a naive moment is taken as UTC."""
    return in_utc(moment).isoformat().replace("+00:00", "Z")


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a naive one is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware moment."""
    return round(moment.timestamp() * 1000)


def from_milliseconds(value: float) -> datetime:
    """The aware UTC moment of a number of milliseconds since 1970."""
    return datetime.fromtimestamp(value / 1000, UTC)
