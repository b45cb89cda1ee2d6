"""The live protocol's encodings: what is written is read back, and what is wrong is named."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_gateway.codecs import CODECS, JSON, MESSAGE_PACK, Codec, InvalidWatch, codec_for
from realtime_gateway.protocol import CLOSES, Ages, Counts, LiveTrip, LiveVehicle, Notice, Reset, Resume, Update, Watch

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
moments = st.integers(0, 4_000_000_000_000)
numbers = st.floats(allow_nan=False, allow_infinity=False)
watches = st.builds(
    Watch,
    box=st.none() | st.tuples(latitudes, longitudes, latitudes, longitudes).filter(lambda box: box[0] <= box[2]),
    zoom=st.none() | st.floats(0, 24),
    vehicles=st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True), max_size=5),
    trip=st.none() | st.just("trip-1"),
    resume=st.none() | st.builds(Resume, epoch=st.text(max_size=64), offset=st.integers(0, 2**53)),
)
vehicles = st.builds(
    LiveVehicle,
    lat=latitudes,
    lng=longitudes,
    heading=st.none() | st.floats(0, 360),
    speed=st.none() | st.floats(0, 500),
    recorded_ms=moments,
)
optional = st.none() | numbers
times = {name: st.none() | moments for name in LiveTrip.__struct_fields__ if name.endswith("_ms")}
trips = st.builds(LiveTrip, fraction=st.floats(0, 1), remaining=optional, delay=optional, off_route=optional, **times)
sizes = st.integers(0, 2**53)
counts = st.builds(Counts, **dict.fromkeys(Counts.__struct_fields__, sizes))
head = {"offset": sizes, "now_ms": moments, "vehicles": st.lists(vehicles), "trips": st.lists(trips)}
frames = st.one_of(
    st.builds(Reset, **head, counts=counts),
    st.builds(Update, **head, counts=st.none() | counts),
    st.builds(Notice),
)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
@given(watch=watches)
def test_a_watch_is_read_back_as_it_was_written(codec: Codec, watch: Watch) -> None:
    assert codec.watch(codec.ask(watch)) == watch


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
@given(frame=frames)
def test_a_frame_is_read_back_as_it_was_written(codec: Codec, frame: Any) -> None:
    assert codec.frame(codec.encode(frame)) == frame


VEHICLE = LiveVehicle(
    vehicle_id="van-1", name="Van 1", trip_id=None, lat=-34.9, lng=-56.2, heading=90.0, speed=None, recorded_ms=1000
)
UPDATE = Update(epoch="e", offset=7, now_ms=2000, vehicles=[VEHICLE], trips=[], counts=None, gone=["van-2"])


def test_the_words_of_the_json_protocol() -> None:
    assert json.loads(JSON.encode(UPDATE)) == {
        "kind": "update",
        "epoch": "e",
        "offset": 7,
        "now_ms": 2000,
        "vehicles": [
            {
                "vehicle_id": "van-1",
                "name": "Van 1",
                "trip_id": None,
                "lat": -34.9,
                "lng": -56.2,
                "heading": 90.0,
                "speed": None,
                "recorded_ms": 1000,
            }
        ],
        "trips": [],
        "counts": None,
        "gone": ["van-2"],
    }


def test_the_arrays_of_the_messagepack_protocol() -> None:
    arrays = msgspec.msgpack.decode(MESSAGE_PACK.encode(UPDATE))
    assert arrays == [
        "update",
        "e",
        7,
        2000,
        [["van-1", "Van 1", None, -34.9, -56.2, 90.0, None, 1000]],
        [],
        None,
        ["van-2"],
    ]
    assert msgspec.msgpack.decode(MESSAGE_PACK.encode(Notice(code="c", message="m"))) == ["notice", "c", "m"]


def test_trailing_fields_of_a_watch_may_be_left_out() -> None:
    assert JSON.watch('{"kind":"watch"}') == Watch()
    assert MESSAGE_PACK.watch(msgspec.msgpack.encode(["watch"])) == Watch()
    assert MESSAGE_PACK.watch(msgspec.msgpack.encode(["watch", None, 3])) == Watch(zoom=3)


@pytest.mark.parametrize(
    ("document", "blamed"),
    [
        ({"kind": "watch", "box": [-91, 0, 0, 0]}, "box[0]"),
        ({"kind": "watch", "box": [1, 0, 0, 0]}, "box"),
        ({"kind": "watch", "zoom": 99}, "zoom"),
        ({"kind": "watch", "vehicles": ["no spaces"]}, "vehicles[0]"),
        ({"kind": "watch", "vehicles": ["v"] * 501}, "vehicles"),
        ({"kind": "watch", "resume": {"epoch": "e", "offset": -1}}, "resume.offset"),
    ],
)
def test_a_wrong_watch_names_the_field_in_both_encodings(document: dict[str, Any], blamed: str) -> None:
    names = ("kind", "box", "zoom", "vehicles", "trip", "resume")
    resume = document.get("resume")
    arrays = [[*resume.values()] if name == "resume" and resume else document.get(name) for name in names]
    arrays[3] = arrays[3] or []
    with pytest.raises(InvalidWatch) as as_json:
        JSON.watch(json.dumps(document))
    with pytest.raises(InvalidWatch) as as_arrays:
        MESSAGE_PACK.watch(msgspec.msgpack.encode(arrays))
    assert str(as_json.value).startswith(f"{blamed}: ")
    assert str(as_arrays.value) == str(as_json.value)


@pytest.mark.parametrize(
    "message", ["", "{", "[]", "null", '{"kind":"reset"}', '{"kind":"watch","bx":null}', b"\xff\xfe"]
)
def test_what_is_no_watch_is_refused(message: str | bytes) -> None:
    with pytest.raises(InvalidWatch):
        JSON.watch(message)


@pytest.mark.parametrize(
    "message", ["text", b"", b"\xc1", b"\x90", b"\x91\xa3abc", b"\xc0", b"\x97\xa5watch" + b"\xc0" * 6]
)
def test_what_is_no_watch_is_refused_as_arrays_too(message: str | bytes) -> None:
    with pytest.raises(InvalidWatch):
        MESSAGE_PACK.watch(message)


@given(st.binary(max_size=60))
def test_no_bytes_whatsoever_break_the_reader(message: bytes) -> None:
    for codec in CODECS:
        try:
            codec.said(message)
            codec.watch(message)
        except InvalidWatch as error:
            assert str(error)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
def test_after_its_first_watch_a_client_may_watch_anew_or_report_ages(codec: Codec) -> None:
    for said in (Watch(zoom=3), Ages(ages_ms=[]), Ages(ages_ms=[12.5, 0])):
        assert codec.said(codec.ask(said)) == said
    with pytest.raises(InvalidWatch):
        codec.watch(codec.ask(Ages(ages_ms=[])))


@pytest.mark.parametrize(
    ("ages", "blamed"),
    [([-1], "ages_ms[0]"), ([1, 1e12], "ages_ms[1]"), ([0] * 21, "ages_ms"), (["old"], "ages_ms[0]"), (7, "ages_ms")],
)
def test_ages_that_cannot_be_are_refused_with_the_field(ages: object, blamed: str) -> None:
    with pytest.raises(InvalidWatch, match=f"^{re.escape(blamed)}: "):
        JSON.said(json.dumps({"kind": "ages", "ages_ms": ages}))
    with pytest.raises(InvalidWatch, match=f"^{re.escape(blamed)}: "):
        MESSAGE_PACK.said(msgspec.msgpack.encode(["ages", ages]))


@pytest.mark.parametrize("text", ['{"kind":"rage"}', '{"kind":"ages"}', '{"kind":"ages","ages_ms":[],"x":1}', "[]"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidWatch):
        JSON.said(text)


def test_the_first_subprotocol_that_is_served_is_taken_and_json_otherwise() -> None:
    assert codec_for(["x", "trackway.v1.msgpack", "trackway.v1.json"]) is MESSAGE_PACK
    assert codec_for(["trackway.v1.json", "trackway.v1.msgpack"]) is JSON
    assert codec_for(["x"]) is JSON
    assert codec_for([]) is JSON


def test_close_reasons_fit_into_a_close_frame_and_say_whether_to_come_back() -> None:
    assert {close.code: close.come_back_after for close in CLOSES} == {
        1001: 0,
        1009: None,
        1013: 5,
        4400: None,
        4408: 0,
    }
    assert all(len(close.reason.encode()) <= 123 for close in CLOSES)
