"""`GET /_knative/metrics`: one scrape of one address sees the runtime and all of its instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import Any, Final, cast

from knative_local.addresses import UnixAddress
from knative_local.http1 import HttpClient
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse, TimedOut
from knative_local.metrics.figures import Reading
from knative_local.metrics.gathering import join
from knative_local.metrics.names import UNREADABLE_INSTANCES

VARIABLE: Final = "KNATIVE_LOCAL_METRICS"
"""The variable that names the Unix socket at which an instance may answer `GET /metrics`."""
PATIENCE_S: Final = 2.0
LARGEST: Final = 4 << 20
PLAIN: Final = b"text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Told:
    """Where an instance tells its metrics, and as whose they are told on."""

    path: str
    labels: Mapping[str, str]


class MetricsPage:
    """Asks the instances at once. Those that tell nothing, since they know nothing of this, are left out."""

    def __init__(
        self, readings: Callable[[], Iterable[Reading]], instances: Callable[[], Iterable[Told]], client: HttpClient
    ) -> None:
        self._readings = readings
        self._instances = instances
        self._client = client

    async def answer(self) -> HttpResponse:
        """The page."""
        # Loading takes some 25 ms, once, in which events would wait; another thread lets them through in between.
        exposition = await asyncio.to_thread(import_module, "knative_local.metrics.exposition")
        text_of = cast("Callable[[Iterable[Reading]], str]", exposition.text_of)
        instances = list(self._instances())
        asking: list[Coroutine[Any, Any, str | None]] = [self._ask(each) for each in instances]
        texts = await asyncio.gather(*asking)
        unreadable: Reading = (UNREADABLE_INSTANCES, (), sum(text is None for text in texts))
        own = text_of(chain(self._readings(), (unreadable,)))
        others = [(text, each.labels) for text, each in zip(texts, instances, strict=True) if text]
        return HttpResponse(200, [(b"content-type", PLAIN)], join(own, others).encode())

    async def _ask(self, instance: Told) -> str | None:
        """What it tells; empty where nobody listens, None where no sense can be made of it."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        request = HttpRequest("GET", "/metrics", [(b"accept", b"text/plain;version=0.0.4")])
        try:
            answer = await self._client.send(UnixAddress(instance.path), request, deadline)
            return answer.body.decode() if answer.status == 200 and len(answer.body) <= LARGEST else None
        except (ConnectionFailed, TimedOut, UnicodeDecodeError):
            return None
