"""PingSources at work: each sends an event whenever its schedule says so, with the retries that Knative's has."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from knative_local.cloudevent import from_json, to_binary
from knative_local.cron import parse
from knative_local.http_types import ConnectionFailed, HttpRequest, Subscribers, TimedOut
from knative_local.model import PingSource

EVENT_TYPE: Final = "dev.knative.sources.ping"
TIMEOUT_S: Final = 600.0
# The CloudEvents SDK's table and the adapter's waits: 50 ms times 2 to the n, five times.
RETRIED: Final = frozenset({404, 413, 425, 429, 502, 503, 504})
RETRIES: Final = 5
FIRST_WAIT_S: Final = 0.05
# A clock that is set anew, or a machine that slept, is noticed within this time.
LONGEST_SLEEP_S: Final = 60.0

logger = logging.getLogger(__name__)

Now = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class PingFigures:
    """What a PingSource has done since the start; `next` is when its next event is due."""

    sent: int = 0
    lost: int = 0
    next: datetime | None = None


def event_of(source: PingSource, id: str, moment: datetime) -> HttpRequest:
    """The event that `source` sends at `moment`, in binary mode."""
    content: dict[str, str] = {
        **source.overrides,
        "specversion": "1.0",
        "id": id,
        "source": f"/apis/v1/namespaces/{source.namespace}/pingsources/{source.name}",
        "type": EVENT_TYPE,
        "time": moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    if source.content_type:
        content["datacontenttype"] = source.content_type
    if source.data is not None:
        content["data_base64"] = base64.b64encode(source.data).decode()
    headers, body = to_binary(from_json(msgspec.json.encode(content)))
    if not source.content_type:  # Knative sends none then
        headers = [pair for pair in headers if pair[0] != b"content-type"]
    return HttpRequest("POST", "/", headers, body)


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class PingSources:
    """Keeps the PingSources of the manifests going. Without any no timer runs."""

    def __init__(self, subscribers: Subscribers, *, now: Now = utc_now, sleep: Sleep = asyncio.sleep) -> None:
        self._subscribers = subscribers
        self._now = now
        self._sleep = sleep
        self._running: dict[str, tuple[PingSource, asyncio.Task[None]]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._figures: dict[str, PingFigures] = {}

    def apply(self, sources: Iterable[PingSource]) -> None:
        """Go on with these: those that are new or changed begin now, others end; what is being sent is sent on."""
        wanted = {source.key: source for source in sources}
        for key, (source, task) in list(self._running.items()):
            if wanted.get(key) != source:
                task.cancel()
                del self._running[key]
        for key in self._figures.keys() - wanted.keys():
            del self._figures[key]
        for key, source in wanted.items():
            if key not in self._running:
                self._figures.setdefault(key, PingFigures())
                self._running[key] = source, asyncio.get_running_loop().create_task(self._tick(source))

    def figures(self) -> list[tuple[PingSource, PingFigures]]:
        """Each one's numbers."""
        return [(source, self._figures[key]) for key, (source, _) in self._running.items()]

    async def stop(self) -> None:
        """Send nothing more; what waits for another attempt is lost, as it is on a cluster."""
        self.apply(())
        sending = list(self._sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _tick(self, source: PingSource) -> None:
        schedule = parse(source.schedule, source.timezone)
        figures = self._figures[source.key]
        while True:
            due = figures.next = schedule.after(self._now())
            if due is None:
                logger.warning("PingSource %s: its schedule %s is never due", source.key, source.schedule)
                return
            while (left := (due - self._now()).total_seconds()) > 0:
                await self._sleep(min(left, LONGEST_SLEEP_S))
            # Not awaited: a sink that is slow, or away, does not put off the next event.
            task = asyncio.get_running_loop().create_task(self._send(source, figures, due))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, source: PingSource, figures: PingFigures, moment: datetime) -> None:
        request = event_of(source, str(uuid.uuid4()), moment)
        attempt = 1
        while (failure := await self._attempt(source, request)) is not None:
            reason, again = failure
            if not again or attempt > RETRIES:
                figures.lost += 1
                logger.error("PingSource %s: an event is lost, its sink %s", source.key, reason)
                return
            await self._sleep(FIRST_WAIT_S * 2**attempt)
            attempt += 1
        figures.sent += 1

    async def _attempt(self, source: PingSource, request: HttpRequest) -> tuple[str, bool] | None:
        """None when the sink has taken it, or why not and whether to try again."""
        try:
            answer = await self._subscribers.send(source.sink, source.namespace, request, TIMEOUT_S)
        except (ConnectionFailed, TimedOut) as error:
            return f"gave no answer: {error}", True
        except Exception as error:
            # Whatever it is, the others and the next event go on.
            logger.exception("PingSource %s: sending failed in an unforeseen way", source.key)
            return f"could not be asked: {error!r}", False
        return None if 200 <= answer.status < 300 else (f"answered {answer.status}", answer.status in RETRIED)
