"""`trackway connect`: brings connectors to Kafka Connect, says how they are, and starts again what failed."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import httpx
import msgspec
import typer
from msgspec import Struct
from rich.markup import escape
from rich.table import Table

from trackway.cli.api import FAILED, UNREACHABLE, USAGE, err, fail, out

connect = typer.Typer(help="Carry events on to Elasticsearch and MongoDB with Kafka Connect.", no_args_is_help=True)

DEFAULT_URL = "http://127.0.0.1:8083"
REMEDY = "Start a worker with connect/worker.properties (docs/operations.md), or name another with --connect-url."
BUSY = 409
"""Connect is between two rebalances; asked again a moment later it answers."""
PATIENCE_S = 60.0
COLOURS = {"RUNNING": "green", "PAUSED": "yellow", "STOPPED": "yellow", "UNASSIGNED": "yellow", "FAILED": "red"}
SETTLED = {"RUNNING", "FAILED", "PAUSED", "STOPPED"}

ConnectUrl = Annotated[
    str, typer.Option("--connect-url", envvar="TRACKWAY_CONNECT", help="The REST API of a Kafka Connect worker.")
]
Names = Annotated[list[str] | None, typer.Argument(help="Names of connectors; all of them where none is given.")]
Config = dict[str, str]


class ConnectorFile(Struct, frozen=True):
    """What a file of connect/connectors has, which is also what Connect's REST API takes."""

    name: str
    config: Config


class Part(NamedTuple):
    """A connector, or a task of one: where it runs, how it is, and what made it fail."""

    connector: str
    task: int | None
    state: str
    worker: str
    why: str


class Unreachable(Exception):
    """Kafka Connect does not answer; says where."""


class Workers:
    """The REST API of Kafka Connect. Raises Unreachable; whatever else goes wrong ends the command with a sentence."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        try:
            self._client = httpx.Client(base_url=self._url, timeout=90, trust_env=False)
        except httpx.InvalidURL as error:
            fail(f"{url} is not an address: {error}", USAGE)

    def names(self) -> list[str]:
        """The connectors that there are."""
        return sorted(self._ask("GET", "/connectors"))

    def apply(self, name: str, config: Config) -> bool:
        """Make it so; False when it was so already."""
        present = self._ask("GET", f"/connectors/{name}/config", missing=True)
        if present == {**config, "name": name}:
            return False
        self._ask("PUT", f"/connectors/{name}/config", body=config)
        return True

    def parts(self, name: str) -> list[Part]:
        """The connector and its tasks; nothing while Connect itself does not know yet."""
        status = self._ask("GET", f"/connectors/{name}/status", missing=True)
        if status is None:
            return []
        described = [status["connector"], *status["tasks"]]
        return [
            Part(name, each.get("id"), each["state"], each["worker_id"], reason(each.get("trace", "")))
            for each in described
        ]

    def restart(self, name: str) -> None:
        """Start again the failed ones of a connector and its tasks."""
        self._ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")

    def _ask(self, method: str, path: str, body: Any = None, *, missing: bool = False) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                raise Unreachable(f"Kafka Connect does not answer at {self._url}: {error}.") from error
            if answer.status_code == 404 and missing:
                return None
            if answer.status_code != BUSY or time.monotonic() > deadline:
                break
            time.sleep(0.3)  # another process's rebalance; there is nothing to await
        if answer.is_error:
            self._refused(answer, path)
        return answer.json() if answer.content else None

    def _refused(self, answer: httpx.Response, path: str) -> NoReturn:
        try:
            said = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            said = answer.reason_phrase
        hint = ""
        if "Failed to find any class" in said:
            said = said.partition(", available plugins")[0]
            hint = " Put the connector's jars into the worker's plugin.path (docs/operations.md)."
        fail(f"Kafka Connect refuses {path.split('/')[2]}: {said.rstrip('.')}.{hint}")


@connect.command()
def apply(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Connectors, as in connect/connectors.")
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting to use instead of the file's, as name=value.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for all tasks to run.")] = PATIENCE_S,
    connect_url: ConnectUrl = DEFAULT_URL,
) -> None:
    """Make connectors be as their files say, and wait until they run."""
    connectors = [read(file) for file in files]
    more = dict(parse_setting(text) for text in settings or ())
    with reached(connect_url) as workers:
        for each in connectors:
            changed = workers.apply(each.name, each.config | more)
            out.print(f"[green]✓[/] {each.name}: {'applied' if changed else 'as it was'}")
        found = wait_until_settled(workers, [each.name for each in connectors], patience)
    raise typer.Exit(show(found))


@connect.command()
def status(names: Names = None, connect_url: ConnectUrl = DEFAULT_URL) -> None:
    """How connectors and their tasks are, and why those failed that did; exit code 1 when one has."""
    with reached(connect_url) as workers:
        found = [part for name in names or workers.names() for part in workers.parts(name)]
    raise typer.Exit(show(found))


@connect.command()
def restart(
    names: Names = None,
    watch: Annotated[
        float | None, typer.Option(help="Go on for ever: look every so many seconds (a sidecar of the worker).", min=1)
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for all tasks to run.")] = PATIENCE_S,
    connect_url: ConnectUrl = DEFAULT_URL,
) -> None:
    """Start again what failed, and nothing else."""
    if watch is not None:
        keep_running(Workers(connect_url), names, watch)
    with reached(connect_url) as workers:
        failed = restart_failed(workers, names)
        if not failed:
            out.print("[green]✓[/] nothing has failed")
            return
        found = wait_until_settled(workers, failed, patience)
    raise typer.Exit(show(found))


def keep_running(workers: Workers, names: Sequence[str] | None, pause: float) -> NoReturn:
    """Start again whatever fails, for ever; a worker that is away is waited for."""
    is_away = False
    while True:
        try:
            restart_failed(workers, names)
        except Unreachable as error:
            if not is_away:
                err.print(f"[yellow]…[/] {escape(str(error))} It is waited for.", soft_wrap=True)
            is_away = True
        else:
            is_away = False
        time.sleep(pause)  # the pace that was asked for


def restart_failed(workers: Workers, names: Sequence[str] | None) -> list[str]:
    """Start again the connectors that have failed, or have a task that has; gives their names."""
    parts = [part for name in names or workers.names() for part in workers.parts(name) if part.state == "FAILED"]
    failed = {part.connector: part.why for part in parts}
    for name, why in sorted(failed.items()):
        workers.restart(name)
        out.print(f"[yellow]↻[/] {name} is started again: {escape(why)}", soft_wrap=True)
    return sorted(failed)


@contextmanager
def reached(url: str) -> Generator[Workers]:
    """The REST API there; ends the command when nobody answers."""
    try:
        yield Workers(url)
    except Unreachable as error:
        fail(f"{error} {REMEDY}", UNREACHABLE)


def read(file: Path) -> ConnectorFile:
    """A connector's file; ends the command when it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=ConnectorFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        fail(f'{file} is no connector ({error}): expected {{"name": …, "config": {{…}}}}, with texts as values', USAGE)


def parse_setting(text: str) -> tuple[str, str]:
    """``name=value`` in two."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        fail(f"--set {text}: expected name=value", USAGE)
    return name, value


def wait_until_settled(workers: Workers, names: Sequence[str], patience: float) -> list[Part]:
    """The parts of these connectors once every one runs or has failed, or the patience is over."""
    deadline = time.monotonic() + patience
    while True:
        parts = [workers.parts(name) for name in names]
        # A connector that has just been made has no tasks yet.
        settled = all(len(each) > 1 and all(part.state in SETTLED for part in each) for each in parts)
        failed = any(part.state == "FAILED" for each in parts for part in each)
        if settled or failed or time.monotonic() > deadline:
            return [part for each in parts for part in each]
        time.sleep(0.2)  # another process's work; there is nothing to await


def show(parts: Sequence[Part]) -> int:
    """Print a table and why what failed did so; gives the exit code."""
    table = Table(box=None, pad_edge=False)
    for title in ("connector", "task", "state", "worker"):
        table.add_column(title)
    for part in parts:
        colour = COLOURS.get(part.state, "yellow")
        task = "" if part.task is None else str(part.task)
        table.add_row(part.connector, task, f"[{colour}]{part.state.lower()}[/]", part.worker)
    out.print(table)
    for line in explanations(parts):
        err.print(line, soft_wrap=True)
    return FAILED if any(part.state == "FAILED" for part in parts) else 0


def explanations(parts: Sequence[Part]) -> Iterator[str]:
    """A line for each part that failed."""
    for part in parts:
        if part.state == "FAILED":
            which = part.connector if part.task is None else f"{part.connector}, task {part.task}"
            yield f"[red]✗[/] {which}: {escape(part.why)}"


def reason(trace: str) -> str:
    """The sentence at the root of a Java stack trace: the last ``Caused by``, without the class's package."""
    causes = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line.startswith("Caused by: ")]
    line = causes[-1] if causes else trace.partition("\n")[0]
    name, colon, sentence = line.partition(": ")
    return f"{name.rpartition('.')[2]}: {sentence}" if colon else name.rpartition(".")[2]
