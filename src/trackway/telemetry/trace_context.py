"""W3C trace context as it travels with events, in the attribute ``traceparent`` (CloudEvents, distributed tracing
extension): told apart, and handed on to what follows from an event. Needs no tracing library."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from trackway.events import Event
from trackway.events.registry import ENDLESS

_TRACEPARENT: Final = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})"
    r"(?P<context>-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2}))"
    r"(?P<more>-.*)?"
)


def valid(text: str | None) -> str | None:
    """The ``traceparent``, or None for what is none: then a trace begins anew (W3C Trace Context, 3.2 and 4.3). Of a
    later version that is read which this one has."""
    match = None if text is None else _TRACEPARENT.fullmatch(text)
    if match is None:
        return None
    if match["version"] == "00":
        return None if match["more"] else text
    return "00" + match["context"]


def is_sampled(traceparent: str) -> bool:
    """Whether the one who handed it on has recorded its span."""
    known = valid(traceparent)
    return known is not None and known[-1] in "13579bdf"


def trace_of(traceparent: str | None) -> str | None:
    """The trace's id: 32 digits."""
    known = valid(traceparent)
    return known and known[3:35]


def in_trace(emitted: Iterable[Event], traceparent: str | None) -> list[Event]:
    """The events, in this trace those that are in none."""
    if traceparent is None:
        return list(emitted)
    return [_placed(event, traceparent) for event in emitted]


def carried_on(
    emitted: Iterable[Event], causes: Sequence[Event], spans: Mapping[str, str] | None = None
) -> list[Event]:
    """What is emitted for ``causes``, in the trace of what caused it: where they are of several, in that of the newest
    event with the same ``partitionkey``. ``spans`` says which span is at work for which ``traceparent``."""
    told = list(emitted)
    if not told:
        return told
    at_work = spans or {}
    traces = {cause.traceparent for cause in causes}
    if len(traces) == 1:
        (trace,) = traces
        return in_trace(told, trace and at_work.get(trace, trace))
    by_key = {cause.partitionkey: cause.traceparent for cause in causes if cause.traceparent is not None}
    return [
        _placed(event, at_work.get(trace, trace)) if (trace := by_key.get(event.partitionkey)) else event
        for event in told
    ]


def _placed(event: Event, traceparent: str) -> Event:
    if event.traceparent is not None or event.type in ENDLESS:
        return event
    return replace(event, traceparent=traceparent)
