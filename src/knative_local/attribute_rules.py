"""What CloudEvents 1.0 asks of context attributes: which there are, how they are called, and what values they take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from knative_local.event_shapes import Context

REQUIRED = ("specversion", "id", "source", "type")
TEXT_ATTRIBUTES = frozenset((*REQUIRED, "datacontenttype", "dataschema", "subject", "time"))
_BODY_MEMBERS = ("data", "data_base64")
_CONTEXT = ("specversion", "source", "dataschema", "datacontenttype")
_NAME = re.compile(r"[a-z0-9]+")
_URI_REFERENCE = re.compile(r"[^\s<>\"{}|\\^`\x00-\x1f\x7f]*")
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}")
_BELOW_SECOND = re.compile(r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_TIMES = re.compile(f"(?:.{{19}}{_BELOW_SECOND.pattern}(?:\n|\\Z))+")
_LEAP_SECOND = re.compile(r"60\Z")
# These tell the modes apart: in binary mode, data of such a type would be taken for the event.
_EVENTS = "application/cloudevents"
# What a header can hold as it is: a media type is sent without any encoding.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class NotAnEvent(ValueError):
    """What came is no CloudEvent; the message says why, in words for whoever sent it."""


def are_good(contexts: Sequence[Context]) -> bool:
    """Whether `check_values` has nothing against any of them, which are all of one shape; asked of all at once."""
    shape = type(contexts[0])
    checked = [name for name in _CONTEXT if name in shape.names and name not in shape.constants]
    try:
        for values in _together(contexts, checked):
            said = {**shape.constants, **dict(zip(checked, values, strict=True))}
            check_context(*map(said.get, _CONTEXT))
    except NotAnEvent:
        return False
    if "time" not in shape.names:
        return True
    times = set(shape.column(contexts, "time"))  # those that come together are often of one moment
    lines = "\n".join(times)
    return (
        lines.count("\n") == len(times) - 1
        and _TIMES.fullmatch(lines) is not None
        and all(map(_is_second, {time[:19] for time in times}))
    )


def _together(contexts: Sequence[Context], names: Sequence[str]) -> set[tuple[str, ...]]:
    """The values that these attributes have together in any of the contexts."""
    shape = type(contexts[0])
    if len(names) == 1:  # the source alone, mostly
        return {(value,) for value in set(shape.column(contexts, names[0]))}
    return set(shape.columns(contexts, names))


def check(attributes: dict[str, str]) -> None:
    """Raises NotAnEvent."""
    for name in REQUIRED:
        if name not in attributes:
            raise NotAnEvent(f"attribute '{name}' is missing")
    for name in attributes:
        if name not in TEXT_ATTRIBUTES and not is_extension(name):
            raise NotAnEvent(f"attribute name '{name}': only a-z and 0-9 are allowed, and not 'data'")
    check_values(attributes)


def check_values(attributes: dict[str, str] | Context) -> None:
    """Names and presence being checked. Raises NotAnEvent."""
    said = attributes.get
    check_context(said("specversion"), said("source"), said("dataschema"), said("datacontenttype"))
    time = said("time")
    if time is not None:
        check_time(time)


# The few names, sources and types of data that there are come again with every event; refusals are not remembered.
@lru_cache(1_000)
def check_context(
    specversion: str | None, source: str | None, dataschema: str | None, content_type: str | None
) -> None:
    """What the specification says of these values. Raises NotAnEvent."""
    if specversion != "1.0":
        raise NotAnEvent(f"specversion '{specversion}' is not read; only 1.0 is")
    for name, value in (("source", source), ("dataschema", dataschema)):
        if value is not None and _URI_REFERENCE.fullmatch(value) is None:
            raise NotAnEvent(f"attribute '{name}' is no URI reference: '{value}'")
    if content_type is not None and not _is_media_type(content_type):
        raise NotAnEvent(f"attribute 'datacontenttype' is no media type for data: '{content_type}'")


@lru_cache(1_000)
def is_extension(name: str) -> bool:
    """Whether an extension attribute may be called so."""
    return _NAME.fullmatch(name) is not None and name not in _BODY_MEMBERS and name not in TEXT_ATTRIBUTES


@lru_cache(1_000)
def _is_media_type(text: str) -> bool:
    return _HEADER_VALUE.fullmatch(text) is not None and not text.strip().lower().startswith(_EVENTS)


def check_time(text: str) -> None:
    """RFC 3339. Raises NotAnEvent."""
    if not _is_second(text[:19]) or _BELOW_SECOND.fullmatch(text, 19) is None:
        raise NotAnEvent(f"attribute 'time' is no RFC 3339 time: '{text}'")


# Events that come together are of the same second, or of a few.
@lru_cache(1_000)
def _is_second(text: str) -> bool:
    if _SECOND.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(_LEAP_SECOND.sub("59", text.upper()))
    except ValueError:
        return False
    return True
