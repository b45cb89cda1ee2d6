"""Routes of functions: paths, methods, bodies of several media types, and refusals that name the field."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import Struct

from tests.unit.functions.fakes import FOLDER, World, ask, headers_of, started, told, trip
from trackway.functions import Answer, Deps, Function, Http, Refused, Request
from trackway.functions.catalogue import load, names
from trackway.storage.port import Conflict


class Item(Struct, forbid_unknown_fields=True):
    name: str
    count: int = 1
    parts: list["Item"] = []


def read_lines(body: bytes, query: Mapping[str, str]) -> Item:
    if not body:
        raise Refused(400, "name: there is no line", "name")
    return Item(name=body.decode(), count=int(query.get("count", "1")))


def shop(world: World | None = None) -> Function:
    http = Http()

    @http.post("/items", body=Item, readers={"text/plain": read_lines}, summary="", answers={201: Item})
    async def add(request: Request[Item], deps: Deps) -> Answer:
        return Answer(201, request.body, {"Location": f"/items/{request.body.name}"}, [started(trip())])

    @http.get("/items/{name}", summary="", answers={200: None})
    async def show(request: Request[None], deps: Deps) -> Answer:
        return Answer(200, dict(request.path) | dict(request.query))

    @http.delete("/items/{name}", summary="", answers={204: None})
    async def drop(request: Request[None], deps: Deps) -> Answer:
        raise Conflict(f"{request.path['name']} is in use")

    @http.get("/fields", body=Item, form=True, summary="", answers={200: Item})
    @http.post("/fields", body=Item, form=True, summary="", answers={200: Item})
    async def fields(request: Request[Item], deps: Deps) -> Answer:
        return Answer(200, request.body)

    http.function.deps = (world or World()).deps()
    return http.function


async def test_a_body_is_decoded_and_the_answer_encoded() -> None:
    world = World()
    answered = await ask(shop(world), "POST", "/items", {"name": "box", "count": 2})
    assert answered.status == 201
    assert told(answered) == {"name": "box", "count": 2, "parts": []}
    assert headers_of(answered) == {"location": "/items/box", "content-type": "application/json"}
    assert world.sink.ids == ["trip-1:started"]


async def test_nobody_is_answered_before_the_broker_has_the_event() -> None:
    world = World()
    world.sink.is_away()
    answered = await ask(shop(world), "POST", "/items", {"name": "box"})
    assert answered.status == 503
    assert headers_of(answered)["retry-after"] == "1"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        (b"", "name"),
        ({"name": 1}, "name"),
        ({"name": "a", "parts": [{"name": "b"}, {}]}, "parts[1].name"),
        ({"name": "a", "parts": [{"name": "b", "count": "x"}]}, "parts[0].count"),
        ({"name": "a", "colour": "red"}, "colour"),
        (b"{", None),
        (b"\xff", None),
        ([], None),
    ],
)
async def test_a_bad_body_is_refused_with_the_field_to_blame(body: Any, field: str | None) -> None:
    answered = await ask(shop(), "POST", "/items", body, content_type="application/json")
    assert answered.status == 400
    assert told(answered).get("field") == field


async def test_other_media_types_are_read_by_their_reader() -> None:
    answered = await ask(shop(), "POST", "/items?count=3", b"box", content_type="text/plain; charset=utf-8")
    assert told(answered) == {"name": "box", "count": 3, "parts": []}
    answered = await ask(shop(), "POST", "/items", b"", content_type="text/plain")
    assert (answered.status, told(answered)["field"]) == (400, "name")


async def test_a_media_type_that_nobody_reads_is_told_what_is() -> None:
    answered = await ask(shop(), "POST", "/items", b"a=b", content_type="application/x-www-form-urlencoded")
    assert answered.status == 415
    assert "application/json, text/plain" in told(answered)["detail"]


async def test_unknown_paths_and_methods() -> None:
    assert (await ask(shop(), "GET", "/item")).status == 404
    assert (await ask(shop(), "GET", "/items/a/b")).status == 404
    answered = await ask(shop(), "PATCH", "/items/box")
    assert answered.status == 405
    assert headers_of(answered)["allow"] == "DELETE, GET"


async def test_parameters_come_from_path_and_query() -> None:
    assert told(await ask(shop(), "GET", "/items/box?a=1&b=%20x&a=2&empty=")) == {"name": "box", "a": "2", "b": " x"}


async def test_a_conflict_is_told_to_a_person_who_decides() -> None:
    answered = await ask(shop(), "DELETE", "/items/box")
    assert (answered.status, told(answered)["detail"]) == (409, "box is in use")


async def test_fields_are_read_from_query_and_form() -> None:
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert told(await ask(shop(), "GET", "/fields?name=a&count=2"))["count"] == 2
    assert told(await ask(shop(), "POST", "/fields?name=a", b"count=3", **form)) == {
        "name": "a",
        "count": 3,
        "parts": [],
    }
    assert (await ask(shop(), "POST", "/fields?name=a", b"\xff", **form)).status == 400
    assert (await ask(shop(), "POST", "/fields?name=a", b"{}", content_type="application/json")).status == 415
    answered = await ask(shop(), "GET", "/fields?name=a&count=many")
    assert (answered.status, told(answered)["field"]) == (400, "count")


@pytest.mark.parametrize("name", names(FOLDER))
def test_every_function_declares_what_it_serves(name: str) -> None:
    function = load(FOLDER, name)
    assert function.handler is not None or not function.routes.is_empty
    for route in function.routes.table:
        assert route.summary
        assert route.path.startswith("/v1/")
        assert any(200 <= status < 300 for status in route.answers)
