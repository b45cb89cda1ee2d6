"""Reads the JSON of events whose members are known: most events have the same ones as the event before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

_astuple = msgspec.structs.astuple

_MOST = 6
_MOST_CANDIDATES = 64


class Shapes:
    """The sets of members that came last, each with a decoder made for it: three times as fast as a general one.

    Only attributes that are texts and `data` are read this way; whatever else there is, is for the general reader.
    """

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []
        self._candidates: dict[tuple[str, ...], None] = {}

    def read(self, raw: bytes) -> tuple[dict[str, str], msgspec.Raw | None] | None:
        """The attributes and the data (unread) of an event of a known shape; None for any other text.

        Names and presence are those of an event that was checked, values are not checked. Text that is not UTF-8 is
        not noticed within the data.
        """
        for place, shape in enumerate(self._shapes):
            try:
                found = shape.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
            if place:  # the next one is likely to be of this shape too
                self._shapes.insert(0, self._shapes.pop(place))
            values = _astuple(found)
            return dict(zip(shape.names, values)), values[-1] if shape.has_data else None  # noqa: B905 - data are last
        return None

    def learn(self, names: Iterable[str], *, has_data: bool) -> None:
        """Know events with just these attributes from their second one on: making a decoder costs more than reading."""
        members = (*names, "data") if has_data else tuple(names)
        if members not in self._candidates:
            if len(self._candidates) >= _MOST_CANDIDATES:
                self._candidates.clear()
            self._candidates[members] = None
            return
        self._shapes.insert(0, _Shape(tuple(names), has_data))
        del self._shapes[_MOST:]


class _Shape:
    __slots__ = ("decode", "has_data", "names")

    def __init__(self, names: tuple[str, ...], has_data: bool) -> None:
        # The fields' own names are ours, since an attribute may be called `from` or `1st`.
        fields: list[tuple[str, type, Any]] = [
            (f"a{number}", str, msgspec.field(name=name)) for number, name in enumerate(names)
        ]
        if has_data:
            fields.append(("data", msgspec.Raw, msgspec.field()))
        record = msgspec.defstruct("Event", fields, forbid_unknown_fields=True, gc=False)
        self.names = names
        self.has_data = has_data
        self.decode: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(record).decode
