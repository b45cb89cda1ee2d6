"""What trace context costs: bytes and microseconds an event where none, some or all of a batch carry it, and what a
function's host and the SDK take for a delivery and a request."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from timeit import repeat

from msgspec.structs import replace

from knative_local.cloudevent import from_batch
from report import table
from trackway.events import BATCH_MEDIA_TYPE, Event, PositionRecorded, event_of, from_http, to_batch
from trackway.telemetry.logs import About, about
from trackway.telemetry.trace_context import carried_on
from trackway.telemetry.tracing import Kind, load

BATCH = 100
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOWHERE = "http://127.0.0.1:9"
"""A collector that is not there: nothing sampled is sent to it."""


def positions() -> list[Event]:
    """As ingest emits them."""
    now = datetime.now(UTC)
    return [
        event_of(
            PositionRecorded(
                vehicle_id=f"van-{number}",
                lat=-34.9,
                lng=-56.1 + number / 1e4,
                recorded_at=now + timedelta(milliseconds=number),
                received_at=now,
                speed=9.1,
                heading=90.0,
            ),
            id=f"{number:024x}",
            source="/trackway/functions/ingest",
            subject=f"van-{number}",
            partitionkey=f"van-{number}",
            time=now,
        )
        for number in range(BATCH)
    ]


def micros(work: Callable[[], object], times: int = 200) -> float:
    """Microseconds of processor time of the quickest of some runs, which others disturb least."""
    return min(repeat(work, number=times, repeat=15, timer=time.process_time)) / times * 1e6


def row(name: str, events: Sequence[Event]) -> list[str]:
    """What a batch costs, an event."""
    body, headers = to_batch(events), {"content-type": BATCH_MEDIA_TYPE}
    for _ in range(5):  # its shape is learnt
        from_batch(body)
    costs = (
        micros(lambda: to_batch(events)),
        micros(lambda: from_batch(body)),
        micros(lambda: from_http(headers, body)),
    )
    return [name, f"{len(body) / BATCH:.0f}", *(f"{cost / BATCH:.2f} µs" for cost in costs)]


def enter_and_leave() -> None:
    """What the host adds to a delivery."""
    token = about.set(About())
    about.reset(token)


def main() -> int:
    plain = positions()
    one = [replace(event, traceparent=TRACE) if event is plain[BATCH // 2] else event for event in plain]
    every = [replace(event, traceparent=TRACE) for event in plain]
    table(
        f"An event of a batch of {BATCH} positions",
        ["traceparent on", "bytes", "written", "read by the runtime", "read by a function"],
        [row("none", plain), row("one of them", one), row("all", every)],
    )
    os.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE, "OTEL_TRACES_SAMPLER": "always_off"}
    tracing = load()("bench")
    table(
        "Besides",
        ["what", "takes"],
        [
            ["a delivery, without a collector", f"{micros(enter_and_leave):.2f} µs"],
            [
                "an event of a batch for which one is emitted",
                f"{micros(lambda: carried_on(plain[:1], plain)) / BATCH:.3f} µs",
            ],
            ["a request that is not sampled", f"{micros(lambda: tracing.begin('GET /', Kind.SERVER)):.1f} µs"],
        ],
    )
    tracing.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
