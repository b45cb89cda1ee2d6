"""The two encodings of the live protocol: JSON objects for people, MessagePack arrays of the same records for speed.

The arrays follow from the records' field order, so that nothing is written twice. A frame begins with its kind.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Struct
from msgspec.inspect import CollectionType, StructType, Type, UnionType, type_info
from msgspec.structs import astuple

from realtime_gateway.protocol import Frame, Said, Watch

Message = str | bytes
"""A WebSocket message: text or binary."""

S = TypeVar("S", Watch, Said)


class InvalidWatch(ValueError):
    """A client's message that is not a valid watch; the text names the field."""


class Codec(Protocol):
    """One encoding, named by its WebSocket subprotocol."""

    @property
    def subprotocol(self) -> str: ...

    def encode(self, frame: Frame) -> Message:
        """The frame as a message to a client."""
        ...

    def watch(self, message: Message) -> Watch:
        """A client's message. Raises InvalidWatch naming the field."""
        ...

    def said(self, message: Message) -> Said:
        """A client's message after its first watch. Raises InvalidWatch naming the field."""
        ...

    def frame(self, message: Message) -> Frame:
        """A message to a client, read back: for clients in Python. Raises msgspec.MsgspecError."""
        ...

    def ask(self, said: Said) -> Message:
        """A message of a client: for clients in Python."""
        ...


class JsonCodec:
    """``trackway.v1.json``: text messages."""

    subprotocol = "trackway.v1.json"

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()
        self._watches = msgspec.json.Decoder(Watch)
        self._said: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
        self._frames = msgspec.json.Decoder(Frame)

    def encode(self, frame: Frame) -> str:
        return self._encoder.encode(frame).decode()

    def watch(self, message: Message) -> Watch:
        return _checked(self._watches.decode, message)

    def said(self, message: Message) -> Said:
        return _checked(self._said.decode, message)

    def frame(self, message: Message) -> Frame:
        return self._frames.decode(message)

    def ask(self, said: Said) -> str:
        return self._encoder.encode(said).decode()


class MessagePackCodec:
    """``trackway.v1.msgpack``: binary messages; each record is an array of its fields in order."""

    subprotocol = "trackway.v1.msgpack"

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder()

    def encode(self, frame: Frame) -> bytes:
        return self._encoder.encode(_array(frame))

    def watch(self, message: Message) -> Watch:
        return _checked(lambda binary: cast(Watch, self._decode(binary, Watch)), message)

    def said(self, message: Message) -> Said:
        return _checked(lambda binary: cast(Said, self._decode(binary, Said)), message)

    def frame(self, message: Message) -> Frame:
        return cast(Frame, self._decode(message, Frame))

    def ask(self, said: Said) -> bytes:
        return self._encoder.encode(_array(said))

    def _decode(self, message: Message, wanted: Any) -> Any:
        if isinstance(message, str):
            raise msgspec.ValidationError("Expected a binary message, got text")
        return msgspec.convert(_named(self._decoder.decode(message), type_info(wanted)), wanted)


JSON = JsonCodec()
MESSAGE_PACK = MessagePackCodec()
CODECS: tuple[Codec, ...] = (MESSAGE_PACK, JSON)


def codec_for(offered: Sequence[str]) -> Codec:
    """The first of the offered subprotocols that is served, or JSON."""
    served = {codec.subprotocol: codec for codec in CODECS}
    return next((served[name] for name in offered if name in served), JSON)


def _checked(decode: Callable[[Message], S], message: Message) -> S:
    try:
        said = decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidWatch(_blame(str(error))) from None
    if isinstance(said, Watch) and said.box is not None and said.box[0] > said.box[2]:
        raise InvalidWatch("box: south lies north of north")
    return said


def _blame(text: str) -> str:
    """msgspec's ``… - at `$.box[0]` `` with the field first, as the close reason has it."""
    sentence, _, path = text.partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    return f"{field}: {sentence}" if field else f"not a watch: {sentence}"


def _array(value: Struct) -> list[Any]:
    # Frames and watches have a tag and may hold records; records hold scalars only, so that one astuple is all they
    # need.
    fields = [_element(field) for field in astuple(value)]
    return [value.__struct_config__.tag, *fields]


def _element(value: Any) -> Any:
    if isinstance(value, list):
        return [astuple(item) if isinstance(item, Struct) else item for item in cast(list[Any], value)]
    return astuple(value) if isinstance(value, Struct) else value


def _named(value: Any, wanted: Type) -> Any:
    """Arrays back to objects wherever ``wanted`` has a record, so that errors speak of fields and not of positions."""
    if not isinstance(value, list):
        return value
    items = cast(list[Any], value)
    if isinstance(wanted, UnionType):
        return _named(items, _member(items, wanted))
    if isinstance(wanted, StructType):
        return _object(items, wanted)
    if isinstance(wanted, CollectionType):
        return [_named(item, wanted.item_type) for item in items]
    return items


def _member(items: list[Any], union: UnionType) -> Type:
    structs = [member for member in union.types if isinstance(member, StructType)]
    tagged = (member for member in structs if items and member.tag is not None and member.tag == items[0])
    return next(tagged, structs[0] if structs else union.types[0])


def _object(items: list[Any], wanted: StructType) -> dict[str, Any]:
    values = items if wanted.tag is None else items[1:]
    if wanted.forbid_unknown_fields and len(values) > len(wanted.fields):
        raise msgspec.ValidationError(f"Expected an array of at most {len(wanted.fields)} fields, got {len(values)}")
    fields = zip(wanted.fields, values, strict=False)
    named = {field.encode_name: _named(value, field.type) for field, value in fields}
    if wanted.tag_field is not None:
        named[wanted.tag_field] = items[0] if items else None
    return named
