"""What the server makes of a request, part by part as it comes from uvicorn."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.server import Application

LEFT: dict[str, Any] = {"type": "http.disconnect"}


def part(body: bytes, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class Client:
    """Sends its parts to an Application, and keeps what was passed on and what was answered."""

    def __init__(self, *parts: dict[str, Any]) -> None:
        self._parts = list(parts)
        self.passed_on: list[bytes] = []
        self.answers: list[MutableMapping[str, Any]] = []

    async def post(self) -> None:
        scope = {"method": "POST", "raw_path": b"/v1/ingest", "query_string": b"", "headers": []}
        await Application(self._answer, public=False, largest_body=10)(scope, self._receive, self._send)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        self.passed_on.append(request.body)
        return HttpResponse(202)

    async def _receive(self) -> MutableMapping[str, Any]:
        return self._parts.pop(0)

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.answers.append(message)


async def test_a_body_in_parts_is_passed_on_whole() -> None:
    client = Client(part(b"lat=", True), part(b"-34", True), part(b"", False))
    await client.post()
    assert client.passed_on == [b"lat=-34"]
    assert client.answers[0]["status"] == 202


@pytest.mark.parametrize("parts", [[LEFT], [part(b"lat=-34", True), LEFT], [part(b"l", True), part(b"a", True), LEFT]])
async def test_what_a_client_that_left_had_sent_is_not_taken_for_all(parts: list[dict[str, Any]]) -> None:
    client = Client(*parts)
    await client.post()
    assert (client.passed_on, client.answers) == ([], [])


async def test_a_body_that_is_too_large_is_refused() -> None:
    client = Client(part(b"lat=", True), part(b"-34.9011", True))
    await client.post()
    assert client.passed_on == []
    assert client.answers[0]["status"] == 413
