"""A function under functions-framework's ASGI app: how bodies come in, and that the answer goes out as one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from functions_framework.aio import create_asgi_app

from tests.unit.functions.fakes import started, trip
from trackway.events import Event, to_binary
from trackway.functions.host import LARGEST_REQUEST

SOURCE = """
from trackway.functions import Answer, Deps, Http

echo = Http()

@echo.on_events
async def handle(events, deps):
    return events

@echo.post("/v1/echo/{name}", body=dict, summary="", answers={200: None})
async def ask(request, deps):
    return Answer(200, [request.path["name"], request.query, request.body])
"""


@pytest.fixture
def app(tmp_path: Path) -> Any:
    source = tmp_path / "main.py"
    source.write_text(SOURCE)
    return create_asgi_app(target="echo", source=str(source), signature_type="http")


async def call(
    app: Any, method: str, target: str, headers: dict[str, str], chunks: Iterable[bytes]
) -> tuple[int, dict[str, str], list[bytes]]:
    """Call the app as a server does: the body in chunks. Gives status, headers, and the parts of the answer's body."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http", "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1), "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    lines = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], lines, [part["body"] for part in parts]


def delivery(event: Event) -> tuple[dict[str, str], bytes]:
    lines, body = to_binary(event)
    return {**{name.decode(): value.decode() for name, value in lines}, "prefer": "reply"}, body


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_may_come_in_pieces_and_without_its_length(app: Any, size: int, is_chunked: bool) -> None:
    headers, body = delivery(started(trip()))
    framing = {"transfer-encoding": "chunked"} if is_chunked else {"content-length": str(len(body))}
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    status, answered, parts = await call(app, "POST", "/", headers | framing, chunks)
    assert status == 200
    assert parts == [body]
    assert answered["ce-id"] == "trip-1:started"
    assert answered["content-length"] == str(len(body))


async def test_routes_get_path_query_and_body(app: Any) -> None:
    headers = {"content-type": "application/json"}
    status, answered, parts = await call(app, "POST", "/v1/echo/a%20b?x=1", headers, [b'{"y":', b"2}"])
    assert status == 200
    assert msgspec.json.decode(parts[0]) == ["a%20b", {"x": "1"}, {"y": 2}]
    assert answered["content-type"] == "application/json"
    assert len(parts) == 1


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_over_the_limit_is_413(app: Any, is_chunked: bool) -> None:
    headers = {"content-type": "application/json"}
    if not is_chunked:
        headers["content-length"] = str(LARGEST_REQUEST + 1)
    endless = [b"x" * 65536] * 40
    status, _, parts = await call(app, "POST", "/v1/echo/a", headers, endless)
    assert status == 413
    assert msgspec.json.decode(parts[0])["status"] == 413


async def test_a_batch_may_be_larger_than_a_request(app: Any) -> None:
    # The broker has taken each event of it before.
    headers = {"content-type": "application/cloudevents-batch+json"}
    status, _, parts = await call(app, "POST", "/", headers, [b"[" + b" " * 2 * LARGEST_REQUEST + b"]"])
    assert (status, parts) == (204, [b""])


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_methods_that_a_route_has_not(app: Any, method: str) -> None:
    status, answered, _ = await call(app, method, "/v1/echo/a", {}, [])
    assert status == 405
    assert answered["allow"] == "POST"
