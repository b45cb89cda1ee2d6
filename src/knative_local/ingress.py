"""The door of Brokers and channels: takes events over HTTP and answers 202 once they are durable."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable

from knative_local.cloudevent import CloudEvent, NotAnEvent, from_batch, from_http, mode_of
from knative_local.delivery import arrived
from knative_local.http_types import Headers, HttpRequest, HttpResponse, Promise
from knative_local.log.port import EventLog, LogUnavailable
from knative_local.model import Broker, Channel
from knative_local.names import JOB_SINK_PATH

MOST_BYTES = 1 << 20
# A batch comes from our own functions only, which gather what one turn of their loop emits.
MOST_BATCH_BYTES = 16 << 20

_ALLOW = (b"allow", b"POST, OPTIONS")
_ACCEPTED = HttpResponse(202, [_ALLOW])


class Ingress:
    """Appends to the logs of `brokers`."""

    def __init__(
        self,
        log: EventLog,
        brokers: Iterable[Broker | Channel],
        *,
        most_bytes: int = MOST_BYTES,
        most_batch_bytes: int = MOST_BATCH_BYTES,
        jobs: Callable[[HttpRequest], HttpResponse | Promise] | None = None,
    ) -> None:
        """`jobs` answers what is for JobSinks."""
        self._log = log
        self.apply(brokers)
        self._most_bytes = most_bytes
        self._most_batch_bytes = most_batch_bytes
        self._jobs = jobs
        self.refused: Counter[int] = Counter()
        """Posts that were not taken, by status."""
        self._answered = self._answer

    def apply(self, brokers: Iterable[Broker | Channel]) -> None:
        """Take events for these from now on."""
        self._classes = {broker.key: broker.broker_class for broker in brokers}

    def takes(self, key: str) -> bool:
        """Whether there is a Broker or channel with this key."""
        return key in self._classes

    def accept(self, request: HttpRequest, *, internal: bool) -> HttpResponse | Promise:
        """Answer `POST /<namespace>/<broker>`; only `internal` requests may be batches.

        202 durable, 400 no event, 404 no such broker, 405 wrong method, 413 too large, 503 cannot store. Bodies of
        refusals are problem JSON: more than the real brokers say, whose answers are empty.
        """
        broker = request.target.partition("?")[0].strip("/")
        broker_class = self._classes.get(broker)
        if broker_class is None and self._jobs is not None and request.target.startswith(JOB_SINK_PATH):
            return self._jobs(request)
        if request.method == "OPTIONS":
            return HttpResponse(200, [_ALLOW])
        if request.method != "POST":
            return self._problem(405, "Method not allowed", f"{request.method} is not taken; POST an event", [_ALLOW])
        if broker_class is None:
            return self._problem(404, "No such broker", f"there is no broker at /{broker}; known: {self._known()}")
        batch = internal and mode_of(request.headers) == "batch"
        most = self._most_batch_bytes if batch else self._most_bytes
        if len(request.body) > most:
            return self._problem(413, "Event too large", f"{len(request.body)} bytes; at most {most} are taken")
        try:
            events = from_batch(request.body) if batch else [from_http(request.headers, request.body)]
        except NotAnEvent as error:
            return self._problem(400, "Not a CloudEvent", str(error))
        if broker_class.adds_arrival_time:
            events = [arrived(event, broker_class) for event in events]
        return Promise(self._log.append(broker, events), self._answered)

    def take(self, broker: str, event: CloudEvent) -> Promise | None:
        """The answer to an event for `/<namespace>/<broker>`; None where `accept` has to say why there is none."""
        broker_class = self._classes.get(broker[1:])
        if broker_class is None or len(event.json) > self._most_bytes:
            return None
        if broker_class.adds_arrival_time:
            event = arrived(event, broker_class)
        return Promise(self._log.append(broker[1:], [event]), self._answered)

    async def receive(self, request: HttpRequest, *, internal: bool) -> HttpResponse:
        """As `accept`, for who can wait."""
        answer = self.accept(request, internal=internal)
        if isinstance(answer, HttpResponse):
            return answer
        await asyncio.wait((answer.future,))
        return answer.answer(answer.future)

    def _known(self) -> str:
        return ", ".join(f"/{key}" for key in sorted(self._classes)) or "none"

    def _answer(self, durable: asyncio.Future[None]) -> HttpResponse:
        error = durable.exception()
        if error is None:
            return _ACCEPTED
        if not isinstance(error, LogUnavailable):
            raise error
        return self._problem(503, "Cannot store", str(error), [(b"retry-after", b"1")])

    def _problem(self, status: int, title: str, detail: str, headers: Headers | None = None) -> HttpResponse:
        self.refused[status] += 1
        return _problem(status, title, detail, headers)


def _problem(status: int, title: str, detail: str, headers: Headers | None = None) -> HttpResponse:
    # Knative's Go broker fails on error bodies over 768 bytes, and functions may pass this one on.
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail[:500]}).encode()
    return HttpResponse(status, [(b"content-type", b"application/problem+json"), *(headers or [])], body)
