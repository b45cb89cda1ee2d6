"""KafkaSinks: take an event, write it to a topic of the cluster that the manifest names, and answer 202 then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from knative_local.cloudevent import CloudEvent, NotAnEvent, from_batch, from_http, mode_of
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.model import KafkaSink
from knative_local.problem import problem
from knative_local.rates import Rate

if TYPE_CHECKING:
    from knative_local.kafka_sink_writer import KafkaSinkWriter

MOST_BYTES: Final = 1 << 20
MOST_BATCH_BYTES: Final = 16 << 20
CLOSING_S: Final = 5.0


class KafkaSinks:
    """All KafkaSinks of the manifests. Nothing is loaded or connected where there are none."""

    def __init__(self) -> None:
        self._sinks: dict[str, tuple[KafkaSink, Rate]] = {}
        self._writers: dict[str, KafkaSinkWriter] = {}

    def apply(self, sinks: Iterable[KafkaSink]) -> None:
        """Go on with these. What is on its way for others still gets there."""
        known = self._sinks
        self._sinks = {sink.key: (sink, known[sink.key][1] if sink.key in known else Rate()) for sink in sinks}

    def figures(self) -> Sequence[tuple[KafkaSink, Rate]]:
        """Each one, and how many events it has written."""
        return list(self._sinks.values())

    async def receive(self, key: str, request: HttpRequest) -> HttpResponse:
        """Answer a POST of an event, or of a batch, to the KafkaSink `<namespace>/<name>`.

        202 once all in-sync replicas have it, 400 no event, 404 no such KafkaSink, 405 wrong method, 413 too large, 503
        Kafka does not take it. As Knative's receiver does, it waits for a Kafka that is away, up to two minutes.
        """
        known = self._sinks.get(key)
        if known is None:
            return problem(404, f"there is no KafkaSink {key}; known: {', '.join(sorted(self._sinks)) or 'none'}")
        if request.method != "POST":
            refused = problem(405, f"{request.method} is not taken here; POST an event")
            return HttpResponse(refused.status, [(b"allow", b"POST"), *refused.headers], refused.body)
        batch = mode_of(request.headers) == "batch"
        most = MOST_BATCH_BYTES if batch else MOST_BYTES
        if len(request.body) > most:
            return problem(413, f"{len(request.body)} bytes; at most {most} are taken")
        try:
            events = from_batch(request.body) if batch else [from_http(request.headers, request.body)]
        except NotAnEvent as error:
            return problem(400, str(error))
        sink, rate = known
        refusal = await self._write(sink, events)
        if refusal is not None:
            return problem(503, f"Kafka does not take the event for topic {sink.topic}: {refusal}", 1.0)
        rate.add(len(events))
        return HttpResponse(202)

    def close(self) -> None:
        """Give what is on its way a while. Blocks."""
        for writer in self._writers.values():
            writer.close(CLOSING_S)

    async def _write(self, sink: KafkaSink, events: Sequence[CloudEvent]) -> str | None:
        """Why they are not written, or None. Some of several may be then: they come again."""
        writer = self._writers.get(sink.servers)
        if writer is None:
            from knative_local.kafka_sink_writer import KafkaSinkWriter  # noqa: PLC0415 - for those who have a KafkaSink

            writer = self._writers[sink.servers] = KafkaSinkWriter(sink.servers, now_ms)
        return await writer.write(sink, events)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
