"""JobSinks: take an event, answer 202, and run a process for it until one ends well or the Job's limits are reached."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from knative_local.cloudevent import CloudEvent, NotAnEvent, from_http
from knative_local.http_types import HttpRequest, HttpResponse, Promise
from knative_local.job_folder import JobFolder, Outcome, job_name
from knative_local.model import JobSink
from knative_local.names import JOB_SINK_PATH
from knative_local.problem import problem
from knative_local.process import Instance, StartError

MOST_BYTES: Final = 1 << 20
MOST_WAITING: Final = 10_000
MOST_KEPT: Final = 10_000
KEEP_S: Final = 24 * 3600.0
"""How long a Job that has ended is remembered where ttlSecondsAfterFinished is not said; on a cluster for ever."""
GRACE_S: Final = 30.0
"""How long a process may take to end when its Job is too late, or its JobSink gone."""
# Kubernetes: 10 s, 20 s, 40 s …, at most 6 minutes.
FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 360.0

logger = logging.getLogger(__name__)

Launch = Callable[[JobSink, Path], Awaitable[Instance]]
"""Starts a process for a JobSink with the folder that holds its event."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class JobFigures:
    """How many Jobs of a JobSink there are in each state."""

    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Sink:
    """A JobSink at work. `jobs`: every Job that is remembered, None while it has not ended; `ended` in that order."""

    sink: JobSink
    folder: JobFolder
    jobs: dict[str, Outcome | None] = field(default_factory=dict[str, "Outcome | None"])
    ended: deque[tuple[int, str]] = field(default_factory=deque[tuple[int, str]])
    being_stored: dict[str, asyncio.Future[None]] = field(default_factory=dict[str, "asyncio.Future[None]"])
    tasks: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])
    running: int = 0


class JobSinks:
    """All JobSinks of the manifests. `most` is how many of their processes may run at once."""

    def __init__(self, path: Path, launch: Launch, most: int, *, sleep: Sleep = asyncio.sleep) -> None:
        self._path = path
        self._launch = launch
        self._places = asyncio.Semaphore(most)
        self._sleep = sleep
        self._grace_s = GRACE_S
        self._stopping = False
        self._sinks: dict[str, _Sink] = {}
        # One thread: whoever waits for the disk waits in line, and the loop does not wait.
        self._disk = ThreadPoolExecutor(1, "jobs")

    def apply(self, sinks: Iterable[JobSink]) -> None:
        """Go on with these. Jobs of those that are gone are kept, and go on when they come back."""
        wanted = {sink.key: sink for sink in sinks}
        for key in self._sinks.keys() - wanted.keys():
            for task in self._sinks.pop(key).tasks:
                task.cancel()
        for key, sink in wanted.items():
            if key in self._sinks:
                self._sinks[key].sink = sink
            else:
                self._sinks[key] = self._found(sink)

    def accept(self, request: HttpRequest) -> HttpResponse | Promise:
        """Answer `POST /jobsink/<namespace>/<name>` with 202 once the event is on the disk, and its Job's `Location`.

        Once per event: a repeat gets 202 too and starts nothing. `GET` of a Location tells how the Job is: 202 while
        it goes on, 200 when it has succeeded, 400 when it has failed, 404 for none.
        """
        if self._stopping:
            return problem(503, "everything here is being stopped", 5.0)
        parts = request.target.partition("?")[0].removeprefix(JOB_SINK_PATH).strip("/").split("/")
        key, job = "/".join(parts[:2]), parts[2:]
        at = self._sinks.get(key)
        if at is None:
            return problem(404, f"there is no JobSink {key}")
        if request.method == "GET" and len(job) == 4 and (job[0], job[2]) == ("sources", "ids"):
            return _state(at.jobs, job_name(at.sink.name, unquote(job[1]), unquote(job[3])))
        if request.method != "POST" or job:
            refused = problem(405, f"{request.method} is not taken here; POST an event")
            return HttpResponse(refused.status, [(b"allow", b"POST"), *refused.headers], refused.body)
        if len(request.body) > MOST_BYTES:
            return problem(413, f"{len(request.body)} bytes; at most {MOST_BYTES} are taken")
        try:
            event = from_http(request.headers, request.body)
        except NotAnEvent as error:
            return problem(400, str(error))
        return self._take(at, event)

    def figures(self) -> list[tuple[JobSink, JobFigures]]:
        """Each one's numbers."""
        rows: list[tuple[JobSink, JobFigures]] = []
        for at in self._sinks.values():
            succeeded = sum(1 for outcome in at.jobs.values() if outcome is not None and outcome.succeeded)
            open_ = len(at.jobs) - len(at.ended)
            rows.append(
                (at.sink, JobFigures(open_ - at.running, at.running, succeeded, len(at.ended) - succeeded))
            )  # fmt: skip
        return rows

    async def stop(self, grace_s: float) -> None:
        """Take no more, give what runs `grace_s` to end; Jobs that have not ended start again with the next start."""
        self._stopping, self._grace_s = True, grace_s
        tasks = [task for at in self._sinks.values() for task in at.tasks]
        self.apply(())
        await asyncio.gather(*tasks, return_exceptions=True)
        self._disk.shutdown()

    def _found(self, sink: JobSink) -> _Sink:
        """A JobSink with the Jobs that an earlier run has left."""
        at = _Sink(sink, JobFolder(self._path / sink.namespace / sink.name))
        for job in at.folder.jobs():
            at.jobs[job.name] = job.outcome
            if job.outcome is None:
                self._start(at, job.name, job.attempts)
            else:
                at.ended.append((job.outcome.ended_ms, job.name))
        at.ended = deque(sorted(at.ended))
        return at

    def _take(self, at: _Sink, event: CloudEvent) -> HttpResponse | Promise:
        self._forget_old(at)
        job = job_name(at.sink.name, *event.identity)
        source, id_ = (quote(text, safe="") for text in event.identity)
        there = f"{JOB_SINK_PATH}{at.sink.key}/sources/{source}/ids/{id_}"
        accepted = HttpResponse(202, [(b"location", there.encode())])
        if job in at.jobs:
            return accepted
        stored = at.being_stored.get(job)
        if stored is None:
            if len(at.jobs) - len(at.ended) + len(at.being_stored) >= MOST_WAITING:
                return problem(503, f"{MOST_WAITING} Jobs of {at.sink.name} have not ended", 10.0)
            loop = asyncio.get_running_loop()
            stored = at.being_stored[job] = loop.run_in_executor(self._disk, at.folder.create, job, event.json)
            stored.add_done_callback(partial(self._stored, at, job))
        return Promise(stored, partial(_answer, accepted))

    def _stored(self, at: _Sink, job: str, stored: asyncio.Future[None]) -> None:
        del at.being_stored[job]
        now = self._sinks.get(at.sink.key)  # another one, when it went and came back meanwhile
        if stored.exception() is None and now is not None and job not in now.jobs:
            now.jobs[job] = None
            self._start(now, job, 0)

    def _start(self, at: _Sink, job: str, attempts: int) -> None:
        task = asyncio.get_running_loop().create_task(self._run(at, job, attempts))
        at.tasks.add(task)
        task.add_done_callback(at.tasks.discard)

    async def _run(self, at: _Sink, job: str, attempts: int) -> None:
        """Attempts until one succeeds, or the limits are reached; then the outcome is kept."""
        deadline = None if at.sink.deadline_s is None else asyncio.get_running_loop().time() + at.sink.deadline_s
        reason = ""
        try:
            async with asyncio.timeout_at(deadline):
                while attempts <= at.sink.backoff_limit:
                    if attempts:
                        await self._sleep(min(FIRST_WAIT_S * 2 ** min(attempts - 1, 10), LONGEST_WAIT_S))
                    why = await self._attempt(at, job)
                    attempts += 1
                    if why is None:
                        break
                    reason = why
                    logger.warning("JobSink %s: Job %s failed, attempt %d: %s", at.sink.key, job, attempts, reason)
                    await self._on_disk(partial(at.folder.failed, job, attempts))
                else:
                    await self._finish(at, job, attempts, f"its last process {reason}")
                    return
        except TimeoutError:
            await self._finish(at, job, attempts, f"it took longer than activeDeadlineSeconds {at.sink.deadline_s:g}")
        else:
            await self._finish(at, job, attempts, None)

    async def _attempt(self, at: _Sink, job: str) -> str | None:
        """One process for a Job; None when it ended with status 0, else what it did."""
        async with self._places:
            at.running += 1
            try:
                instance = await self._launch(at.sink, at.folder.folder(job))
                try:
                    return None if await instance.ended() == 0 else instance.reason
                except asyncio.CancelledError:  # a stop, or the deadline
                    await instance.stop(self._grace_s)
                    raise
            except StartError as error:
                return f"did not start: {error}"
            except Exception as error:
                # Whatever it is: the Job must end somehow, and the others go on.
                logger.exception("JobSink %s: Job %s failed in an unforeseen way", at.sink.key, job)
                return f"could not be run: {error!r}"
            finally:
                at.running -= 1

    async def _finish(self, at: _Sink, job: str, attempts: int, failure: str | None) -> None:
        if failure is not None:
            logger.error("JobSink %s: Job %s has failed: %s", at.sink.key, job, failure)
        outcome = Outcome(failure is None, attempts, time.time_ns() // 1_000_000, failure or "")
        await self._on_disk(partial(at.folder.finish, job, outcome))
        at.jobs[job] = outcome
        at.ended.append((outcome.ended_ms, job))
        self._forget_old(at)

    async def _on_disk(self, write: Callable[[], None]) -> None:
        """What cannot be written only means that a Job runs again after a restart. A stop does not undo it."""
        try:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._disk, write))
        except OSError as error:
            logger.error("what became of a Job cannot be stored: %s", error)

    def _forget_old(self, at: _Sink) -> None:
        keep_s = KEEP_S if at.sink.keep_s is None else at.sink.keep_s
        oldest = time.time_ns() // 1_000_000 - keep_s * 1_000
        while at.ended and (at.ended[0][0] <= oldest or len(at.ended) > MOST_KEPT):
            _, job = at.ended.popleft()
            del at.jobs[job]
            self._disk.submit(at.folder.remove, job)


def _answer(accepted: HttpResponse, stored: asyncio.Future[Any]) -> HttpResponse:
    error = stored.exception()
    if error is None:
        return accepted
    if not isinstance(error, OSError):
        raise error
    return problem(503, f"the event cannot be stored: {error}", 1.0)


def _state(jobs: dict[str, Outcome | None], job: str) -> HttpResponse:
    if job not in jobs:
        return problem(404, "there is no Job of such an event")
    outcome = jobs[job]
    if outcome is None:
        return HttpResponse(202)
    if outcome.succeeded:
        return HttpResponse(200, [(b"reason", b"Complete")])
    refused = problem(400, f"the Job has failed: {outcome.reason}")
    return HttpResponse(refused.status, [(b"reason", b"Failed"), *refused.headers], refused.body)
