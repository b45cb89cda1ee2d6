"""Reads the JSON of events whose members are known: most events have the same ones as the event before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar, Literal, TypeVar, cast

import msgspec

_astuple = msgspec.structs.astuple
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_T = TypeVar("_T")

_MOST = 6
_MOST_CANDIDATES = 64
_NEARLY_ALWAYS = {"specversion": "1.0", "datacontenttype": "application/json"}


class Context(msgspec.Struct, gc=False):
    """The attributes of an event as its shape's decoder left them, and its data unread; a subclass for each shape."""

    names: ClassVar[tuple[str, ...]]
    has_data: ClassVar[bool]
    constants: ClassVar[Mapping[str, str]]
    """Attributes that have this value in each event of the shape, or else it would not have been read."""
    _fields: ClassVar[dict[str, str]]

    def get(self, name: str) -> str | None:
        """The attribute, or None where the shape has none of that name."""
        field = self._fields.get(name)
        return None if field is None else getattr(self, field)

    @classmethod
    def column(cls, contexts: Sequence[Context], name: str) -> list[str]:
        """The values of one attribute, which contexts of this class have."""
        return list(map(attrgetter(cls._fields[name]), contexts))

    @classmethod
    def columns(cls, contexts: Sequence[Context], names: Sequence[str]) -> list[tuple[str, ...]]:
        """The values of several, two at least, together."""
        return list(map(attrgetter(*(cls._fields[name] for name in names)), contexts))

    def attributes(self) -> dict[str, str]:
        """All of them by name."""
        return dict(zip(self.names, _astuple(self)))  # noqa: B905 - data are last

    def data(self) -> msgspec.Raw | None:
        """The JSON of the data."""
        return _astuple(self)[-1] if self.has_data else None


class Shapes:
    """The sets of members that came last, each with a decoder made for it: three times as fast as a general one.

    Only attributes that are texts and `data` are read this way; whatever else there is, is for the general reader.
    """

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []
        self._candidates: dict[tuple[str, ...], None] = {}

    def read(self, raw: bytes) -> Context | None:
        """The attributes of an event of a known shape; None for any other text.

        Names and presence are those of an event that was checked, values are not checked. Text that is not UTF-8 is
        not noticed within the data.
        """
        return self._first(raw, _Shape.read)

    def read_batch(self, body: bytes) -> Sequence[Context] | None:
        """As `read`, of a JSON array of events that are all of one known shape."""
        return self._first(body, _Shape.read_batch)

    def learn(self, attributes: Mapping[str, str], *, has_data: bool) -> None:
        """Know events with just these attributes from their second one on: making a decoder costs more than reading."""
        members = (*attributes, "data") if has_data else tuple(attributes)
        constants = {name: value for name, value in _NEARLY_ALWAYS.items() if attributes.get(name) == value}
        candidate = (*members, *constants.values())
        if candidate not in self._candidates:
            if len(self._candidates) >= _MOST_CANDIDATES:
                self._candidates.clear()
            self._candidates[candidate] = None
            return
        self._shapes.insert(0, _Shape(tuple(attributes), has_data, constants))
        del self._shapes[_MOST:]

    def _first(self, raw: bytes, read: Callable[[_Shape, bytes], _T]) -> _T | None:
        for place, shape in enumerate(self._shapes):
            try:
                found = read(shape, raw)
            except _UNREADABLE:
                continue
            if place:  # the next one is likely to be of this shape too
                self._shapes.insert(0, self._shapes.pop(place))
            return found
        return None


class _Shape:
    __slots__ = ("_decode", "_decode_batch")

    def __init__(self, names: tuple[str, ...], has_data: bool, constants: Mapping[str, str]) -> None:
        record = context_class(names, has_data=has_data, constants=constants)
        self._decode = msgspec.json.Decoder(record).decode
        self._decode_batch = msgspec.json.Decoder(list[record]).decode

    def read(self, raw: bytes) -> Context:
        return self._decode(raw)

    def read_batch(self, body: bytes) -> list[Context]:
        return self._decode_batch(body)


def context_class(
    names: tuple[str, ...], *, has_data: bool, constants: Mapping[str, str] | None = None
) -> type[Context]:
    """The class for these attributes, which its constructor takes in this order, the JSON of the data behind them.
    A decoder of it reads only events in which the constants have their values, and makes no new text of these."""
    constants = constants or {}
    # The fields' own names are ours, since an attribute may be called `from` or `1st`.
    own = {name: f"a{number}" for number, name in enumerate(names)}
    fields: list[tuple[str, Any, Any]] = [
        (own[name], Literal[constants[name]] if name in constants else str, msgspec.field(name=name)) for name in names
    ]
    if has_data:
        fields.append(("data_", msgspec.Raw, msgspec.field(name="data")))
    members = {"names": names, "has_data": has_data, "constants": constants, "_fields": own}
    made = msgspec.defstruct(
        "ShapedContext", fields, bases=(Context,), namespace=members, forbid_unknown_fields=True, gc=False
    )
    return cast("type[Context]", made)
