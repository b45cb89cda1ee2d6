"""JobSinks: 202 once the event is on the disk, a process per event, tried again as the Job says, once per event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from knative_local.addresses import TcpAddress
from knative_local.cloudevent import to_binary
from knative_local.http_types import HttpRequest, HttpResponse, Promise, header
from knative_local.job_folder import EVENT, JobFolder, job_name
from knative_local.job_sinks import JobFigures, JobSinks
from knative_local.model import Container, JobSink
from knative_local.process import StartError
from tests.unit.knative_local.eventing import SOMEWHERE, FakeSleep, event, until

SINK = JobSink("town", "print", Container(("print",)), SOMEWHERE, backoff_limit=2)


class Process:
    """A process in memory, which ends when the test says so, or is ended."""

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.stopped = False

    address = TcpAddress("127.0.0.1", 1)
    reason = "ended with status 3: out of paper"

    async def ready(self, timeout: float) -> None:
        raise AssertionError("a Job's process need not listen")

    async def ended(self) -> int:
        return await asyncio.shield(self.status)

    async def stop(self, grace_s: float) -> None:
        self.stopped = True

    def kill(self) -> None:
        raise AssertionError("a Job's process is given time to end")


@dataclass
class Machine:
    """Starts processes in memory; `ends` are the statuses with which they end at once, in order."""

    ends: list[int | StartError] = field(default_factory=list[int | StartError])
    events: list[Any] = field(default_factory=list[Any])
    processes: list[Process] = field(default_factory=list[Process])

    async def launch(self, sink: JobSink, folder: Path) -> Process:
        self.events.append(msgspec.json.decode((folder / EVENT).read_bytes()))
        end = self.ends.pop(0) if self.ends else None
        if isinstance(end, StartError):
            raise end
        process = Process()
        self.processes.append(process)
        if end is not None:
            process.status.set_result(end)
        return process


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest_asyncio.fixture
async def start(tmp_path: Path, machine: Machine, sleep: FakeSleep) -> AsyncIterator[Callable[..., JobSinks]]:
    """JobSinks on the one folder of the test; starting others stands for a restart."""
    made: list[JobSinks] = []

    def started(*sinks: JobSink, most: int = 2) -> JobSinks:
        made.append(JobSinks(tmp_path, machine.launch, most, sleep=sleep))
        made[-1].apply(sinks)
        return made[-1]

    yield started
    for each in made:
        await each.stop(1)


async def post(jobs: JobSinks, id: str = "1", path: str = "/jobsink/town/print", **more: Any) -> HttpResponse:
    headers, body = to_binary(event(id, data={"a": 1}))
    answer = jobs.accept(HttpRequest("POST", path, **({"headers": headers, "body": body} | more)))
    if isinstance(answer, Promise):
        await asyncio.wait((answer.future,))
        return answer.answer(answer.future)
    return answer


def numbers(jobs: JobSinks) -> JobFigures:
    ((_, figures),) = jobs.figures()
    return figures


def state(jobs: JobSinks, accepted: HttpResponse) -> int:
    location = (header(accepted.headers, b"location") or b"").decode()
    answer = jobs.accept(HttpRequest("GET", location))
    assert isinstance(answer, HttpResponse)
    return answer.status


async def test_a_process_gets_the_event_as_a_structured_json_file(
    start: Callable[..., JobSinks], machine: Machine
) -> None:
    """OBSERVED: POST answered 202; the Job's process has the event as a structured JSON file."""
    jobs = start(SINK)

    accepted = await post(jobs)

    assert (accepted.status, state(jobs, accepted)) == (202, 202)
    await until(lambda: len(machine.processes) == 1)
    assert machine.events[0]["id"] == "1"
    assert machine.events[0]["data"] == {"a": 1}
    machine.processes[0].status.set_result(0)
    await until(lambda: numbers(jobs) == JobFigures(succeeded=1))
    assert state(jobs, accepted) == 200


async def test_one_job_per_event_however_often_it_is_posted(start: Callable[..., JobSinks], machine: Machine) -> None:
    """Knative names the Job after source and id, and answers 202 when it is there already."""
    machine.ends = [0]
    jobs = start(SINK)

    answers = await asyncio.gather(post(jobs), post(jobs))
    await until(lambda: numbers(jobs).succeeded == 1)
    answers.append(await post(jobs))

    assert [answer.status for answer in answers] == [202, 202, 202]
    assert len(machine.events) == 1


async def test_a_repeat_is_known_after_a_restart(start: Callable[..., JobSinks], machine: Machine) -> None:
    machine.ends = [0]
    first = start(SINK)
    await post(first)
    await until(lambda: numbers(first).succeeded == 1)
    await first.stop(1)

    second = start(SINK)

    assert (await post(second)).status == 202
    assert (numbers(second), len(machine.events)) == (JobFigures(succeeded=1), 1)


async def test_a_job_that_fails_is_tried_as_often_as_its_backoff_limit_says(
    start: Callable[..., JobSinks], machine: Machine, sleep: FakeSleep
) -> None:
    """Kubernetes: backoffLimit 2 is three attempts, 10 s, 20 s … apart."""
    machine.ends = [3, StartError("no such program"), 3]
    jobs = start(SINK)

    accepted = await post(jobs)
    await until(lambda: numbers(jobs) == JobFigures(failed=1))

    assert sleep.slept == [10, 20]
    answer = jobs.accept(HttpRequest("GET", (header(accepted.headers, b"location") or b"").decode()))
    assert isinstance(answer, HttpResponse)
    assert (answer.status, header(answer.headers, b"reason")) == (400, b"Failed")
    assert b"out of paper" in answer.body


async def test_a_later_success_is_a_success(start: Callable[..., JobSinks], machine: Machine) -> None:
    machine.ends = [3, 0]
    jobs = start(SINK)

    await post(jobs)

    await until(lambda: numbers(jobs) == JobFigures(succeeded=1))


async def test_what_was_acknowledged_runs_after_a_crash_with_the_attempts_it_has_left(
    start: Callable[..., JobSinks], machine: Machine, tmp_path: Path, sleep: FakeSleep
) -> None:
    folder = JobFolder(tmp_path / "town" / "print")
    folder.create("print-1", event("1").json)
    folder.failed("print-1", 2)
    (tmp_path / "town" / "print" / ".new-print-2").mkdir()  # of a crash before the answer

    machine.ends = [3]
    jobs = start(SINK)

    await until(lambda: numbers(jobs) == JobFigures(failed=1))
    assert len(machine.events) == 1
    assert sleep.slept == [20]


async def test_a_stop_ends_what_runs_and_it_starts_again_later(
    start: Callable[..., JobSinks], machine: Machine
) -> None:
    first = start(SINK)
    await post(first)
    await until(lambda: len(machine.processes) == 1)

    await first.stop(1)
    assert machine.processes[0].stopped
    assert (await post(first, "2")).status == 503
    second = start(SINK)

    await until(lambda: len(machine.processes) == 2)
    assert numbers(second) == JobFigures(running=1)


async def test_only_so_many_run_at_once(start: Callable[..., JobSinks], machine: Machine) -> None:
    jobs = start(SINK, most=2)
    for id in ("1", "2", "3"):
        await post(jobs, id)
    await until(lambda: numbers(jobs) == JobFigures(waiting=1, running=2))

    machine.processes[0].status.set_result(0)

    await until(lambda: numbers(jobs) == JobFigures(running=2, succeeded=1))
    assert {each["id"] for each in machine.events} == {"1", "2", "3"}


async def test_a_job_that_takes_too_long_is_ended_and_has_failed(
    start: Callable[..., JobSinks], machine: Machine
) -> None:
    """activeDeadlineSeconds; it counts from when the Job begins."""
    jobs = start(replace(SINK, deadline_s=0.01))

    await post(jobs)

    await until(lambda: numbers(jobs) == JobFigures(failed=1))
    assert all(process.stopped for process in machine.processes)


async def test_a_job_that_is_not_kept_may_run_again(start: Callable[..., JobSinks], machine: Machine) -> None:
    """ttlSecondsAfterFinished 0: the Job is deleted at once, and with it the memory of its event."""
    machine.ends = [0, 0]
    jobs = start(replace(SINK, keep_s=0))

    for count in (1, 2):
        await post(jobs)
        await until(lambda count=count: len(machine.events) == count and numbers(jobs) == JobFigures())


async def test_jobs_of_a_sink_that_goes_wait_until_it_comes_back(
    start: Callable[..., JobSinks], machine: Machine
) -> None:
    jobs = start(SINK)
    await post(jobs)
    await until(lambda: len(machine.processes) == 1)

    jobs.apply([])
    assert (await post(jobs, "2")).status == 404
    await until(lambda: machine.processes[0].stopped)
    jobs.apply([SINK])

    await until(lambda: len(machine.processes) == 2)
    assert [each["id"] for each in machine.events] == ["1", "1"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "/jobsink/town/nobody"}, 404),
        ({"path": "/jobsink/town"}, 404),
        ({"path": "/jobsink/town/print/more"}, 405),
        ({"headers": []}, 400),
        ({"headers": [(b"content-type", b"application/cloudevents-batch+json")], "body": b"[]"}, 400),
        ({"body": b"x" * ((1 << 20) + 1)}, 413),
    ],
)
async def test_what_is_refused(
    start: Callable[..., JobSinks], machine: Machine, change: dict[str, Any], status: int
) -> None:
    jobs = start(SINK)

    assert (await post(jobs, **change)).status == status
    assert machine.events == []


async def test_a_disk_that_cannot_keep_the_event_is_said(start: Callable[..., JobSinks], tmp_path: Path) -> None:
    jobs = start(SINK)
    (tmp_path / "town").write_text("a file where the folder should be")

    assert (await post(jobs)).status == 503
    (tmp_path / "town").unlink()
    assert (await post(jobs)).status == 202


def test_events_that_differ_have_jobs_that_differ() -> None:
    """Knative hashes source and id end to end, so that ("ab", "c") and ("a", "bc") share a Job; ours do not."""
    assert job_name("print", "ab", "c") != job_name("print", "a", "bc")
    assert job_name("print", "a", "b") == job_name("print", "a", "b")
