"""The feed of a Knative Trigger: the broker posts events, one or a batch to a request, in any of the HTTP binding's
modes."""

from fastapi import APIRouter, Request, Response

from realtime_gateway.live_view import LiveView
from realtime_gateway.problems import ProblemError
from trackway.events import from_http

MAX_BODY = 4 * 1024 * 1024
"""Bytes of the largest delivery that is taken."""


def feed_router(view: LiveView) -> APIRouter:
    """``POST /feed``: 204 when the hub has the events, 400 when the delivery is no event (and then it has none)."""
    router = APIRouter()

    @router.post("/feed", status_code=204, include_in_schema=False)
    async def take(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - the router holds it
        body = await _body(request)
        view.receive(from_http(dict(request.headers), body))
        return Response(status_code=204)

    return router


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise ProblemError(413, f"the delivery is over {MAX_BODY} bytes")
        parts.append(part)
    return b"".join(parts)
