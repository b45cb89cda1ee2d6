"""The spans of a delivery of events, one or a batch, as OpenTelemetry's conventions for messaging have them.

Each trace goes on: for each span that sent some of the events there is one here, below it. Where there are several, one
more span stands for the delivery as a whole, and is linked with all of them; it lies in the first one's trace, so that
it is recorded where they are.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from trackway.events import Event
from trackway.telemetry.trace_context import is_sampled
from trackway.telemetry.tracing import Kind, Span, Tracing

MOST_SPANS: Final = 32
"""So many senders of a delivery are followed by spans of their own; the others are linked only."""

MOST_LINKS: Final = 128
"""What OpenTelemetry keeps of a span's links."""

Senders = Mapping[str, Sequence[Event]]
"""The events that came from each recorded span, by its traceparent."""


def senders_of(events: Sequence[Event]) -> Senders:
    """Who sent them, as far as that is recorded."""
    senders: dict[str, list[Event]] = {}
    for event in events:
        traceparent = event.traceparent
        if traceparent is not None and (traceparent in senders or is_sampled(traceparent)):
            senders.setdefault(traceparent, []).append(event)
    return senders


@contextmanager
def delivered(tracing: Tracing, events: Sequence[Event]) -> Generator[Mapping[str, str]]:
    """While it lasts the events are being handled. Gives the ``traceparent`` of the span that is at work, for each one
    that an event brought; what is raised marks the spans as failed. An event that is in no sampled trace begins none:
    traces begin where something happens, not where it is heard of."""
    senders = senders_of(events)
    if not senders:
        yield {}
        return
    whole = _received(tracing, senders, len(events)) if len(senders) > 1 else None
    at_work = {
        sender: span
        for sender in [*senders][:MOST_SPANS]
        if (span := _processed(tracing, sender, senders[sender], whole)) is not None
    }
    error: str | None = None
    try:
        yield {sender: span.traceparent for sender, span in at_work.items()}
    except Exception as raised:
        error = type(raised).__name__
        raise
    finally:
        for span in at_work.values():
            span.end(error)
        if whole is not None:
            whole.end(error)


def _received(tracing: Tracing, senders: Senders, count: int) -> Span | None:
    linked = [*senders][:MOST_LINKS]
    attributes = _attributes("receive") | {"messaging.batch.message_count": count}
    return tracing.begin(f"receive {tracing.service}", Kind.CONSUMER, linked[0], links=linked, attributes=attributes)


def _processed(tracing: Tracing, sender: str, events: Sequence[Event], whole: Span | None) -> Span | None:
    first = events[0]
    types = ",".join(sorted({event.type for event in events}))
    attributes = _attributes("process") | {"cloudevents.event_type": types, "trackway.tenant": first.tenant}
    attributes |= (
        {"cloudevents.event_id": first.id, "cloudevents.event_source": first.source}
        if len(events) == 1
        else {"messaging.batch.message_count": len(events)}
    )
    links = [] if whole is None else [whole.traceparent]
    return tracing.begin(f"process {tracing.service}", Kind.CONSUMER, sender, links=links, attributes=attributes)


def _attributes(operation: str) -> dict[str, str | int]:
    return {"messaging.system": "cloudevents", "messaging.operation.type": operation}
