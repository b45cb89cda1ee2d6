"""The feed of a Knative Trigger: the broker posts events, one or a batch to a request, in any of the HTTP binding's
modes.

It stands before the application, since under load it is asked a hundred times a second, and what the application does
for people's requests would cost more than the events.
"""

import logging
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from realtime_gateway.live_view import LiveView
from realtime_gateway.meter import FEED_PATH
from realtime_gateway.problems import problem
from trackway.events import InvalidEvent, from_http

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of the largest delivery that is taken."""

_log = logging.getLogger("realtime_gateway")


class Feed:
    """``POST /feed``: 204 when the hub has the events, 400 when the delivery is no event (and then it has none)."""

    def __init__(self, app: ASGIApp, view: LiveView) -> None:
        self._app = app
        self._view = view

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != FEED_PATH:
            await self._app(scope, receive, send)
            return
        refusal = await self._take(scope, receive)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _take(self, scope: Scope, receive: Receive) -> Response | None:
        """Take the delivery in; gives the answer to one that cannot be."""
        if scope["method"] != "POST":
            return problem(405, f"{scope['method']} is not allowed here; allowed: POST", headers={"Allow": "POST"})
        body = await _body(receive)
        if body is None:
            return problem(413, f"the delivery is over {MAX_BODY} bytes")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._view.receive(from_http(headers, body))
        except InvalidEvent as error:
            return problem(400, error.detail, error.field)
        except Exception:
            _log.exception("taking a delivery failed")
            return problem(500, "this is a bug in the gateway; its log says more")
        return None


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is over MAX_BODY, or its sender has gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
