"""The command `knative-local`. Only this process loads typer and rich: `up` becomes the runtime by exec."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from knative_local import cli_events
from knative_local.logs import Format, Level

URL = "http://127.0.0.1:8080"

app = typer.Typer(
    help="Knative on one machine, from the manifests that go to a cluster.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    path: Annotated[Path, typer.Argument(help="A kustomization, a folder of manifests, or one file.")],
    port: Annotated[int, typer.Option(help="The port of the front door.")] = 8080,
    host: Annotated[str, typer.Option(help="Its address: this machine's own only.")] = "127.0.0.1",
    state: Annotated[Path, typer.Option(help="The folder for what lasts: log, sockets, output.")] = Path("var/knative"),
    root: Annotated[Path, typer.Option(help="The folder in which processes are started.")] = Path(),
    log: Annotated[str, typer.Option(help="A Kafka cluster for the log, as kafka://127.0.0.1:9092.")] = "",
    keep_for: Annotated[str, typer.Option(help="How long events are kept, as 24h or 90m.")] = "24h",
    keep_size: Annotated[str, typer.Option(help="How large the log may get, as 500MB or 2GB.")] = "2GB",
    watch: Annotated[bool, typer.Option(help="Follow changes of the manifests.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="As --log-level info.")] = False,
    log_format: Annotated[Format, typer.Option(help="What is told: for people, or for a collector.")] = "text",
    log_level: Annotated[Level, typer.Option(help="From which level on.")] = "warning",
) -> None:
    """Run what the manifests say until Ctrl-C.

    Ends with 0 after Ctrl-C, 1 when something cannot run (then nothing was started), 2 for a wrong option.
    """
    words = [sys.executable, "-m", "knative_local.runtime", str(path)]
    words += ["--port", str(port), "--host", host, "--state", str(state), "--root", str(root)]
    words += ["--keep-for", keep_for, "--keep-size", keep_size, *(["--log", log] if log else [])]
    words += ["--log-format", log_format, "--log-level", "info" if verbose and log_level == "warning" else log_level]
    words += ["--no-watch"] * (not watch)
    os.execv(sys.executable, words)


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="A kustomization, a folder of manifests, or one file.")],
    as_json: Annotated[bool, typer.Option("--json", help="What is wrong as JSON, for programs.")] = False,
) -> None:
    """Check manifests without starting anything.

    Ends with 0 when they can be run, and with 1 when not: then each mistake is told with its file and line.
    """
    from knative_local.validate import check  # noqa: PLC0415 - costs as much as all the other commands together

    found = check(path)
    mistakes, skipped = (found, ()) if isinstance(found, list) else ([], found.skipped)
    if as_json:
        passed_over = [{**asdict(each.source), "kind": each.kind, "name": each.name} for each in skipped]
        report = {"valid": not mistakes, "mistakes": [asdict(each) for each in mistakes], "skipped": passed_over}
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    elif mistakes:
        sys.stderr.writelines(f"{each}\n" for each in mistakes)
    else:
        sys.stdout.writelines(f"{each.source}: {each.kind} {each.name} is not served here\n" for each in skipped)
        sys.stdout.write("nothing is wrong\n")
    raise typer.Exit(1 if mistakes else 0)


@app.command()
def status(
    url: Annotated[str, typer.Option(help="Where the runtime listens.", envvar="KNATIVE_LOCAL_URL")] = URL,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew every second until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as it is, for programs.")] = False,
) -> None:
    """Show what runs: instances, rates, backlogs, dead letters. Ends with 3 when no runtime answers."""
    report = _report(url)
    console = Console()
    if as_json:
        console.print_json(data=report)
    elif not watch:
        console.print(_tables(report))
    else:
        with contextlib.suppress(KeyboardInterrupt), Live(_tables(report), console=console, screen=True) as live:
            while True:
                time.sleep(1)  # the pace at which a person watches
                live.update(_tables(_report(url)))


def _report(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/_knative/status", timeout=5) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, urllib.error.URLError, ValueError) as error:
        Console(stderr=True).print(f"[red]no runtime answers at {url}[/red] ({error}); start one: knative-local up")
        raise typer.Exit(3) from error


def _tables(report: dict[str, Any]) -> Group:
    rows = [row for kind in ("services", "deployments", "brokers", "triggers") for row in report[kind]]
    several = len({row["namespace"] for row in rows}) > 1

    def name(row: dict[str, Any]) -> str:
        return escape(f"{row['namespace']}/{row['name']}" if several else row["name"])

    services = _table("Services", "service", "instances", "in flight", "requests/s", "p99 ms", "cold start ms")
    for row in report["services"]:
        instances = f"{row['instances']}" + (f" (+{row['starting']})" if row["starting"] else "")
        style = "red" if row["problem"] else "green" if row["instances"] else "dim"
        numbers = (row["in_flight"], row["requests_per_s"], row["p99_ms"], row["cold_start_p50_ms"])
        services.add_row(f"[{style}]{name(row)}[/]", instances, *map(_number, numbers))
    for row in report["deployments"]:
        services.add_row(f"[{'green' if row['running'] else 'red'}]{name(row)}[/]", "1" if row["running"] else "0")
    triggers = _table("Triggers", "trigger", "filter", "events/s", "in flight", "backlog", "dead letters")
    for row in report["triggers"]:
        numbers = (row["events_per_s"], row["in_flight"], row["backlog"], row["dead_letters"])
        style = "red" if row["dead_letters"] else "none"
        triggers.add_row(f"[{style}]{name(row)}[/]", escape(row["filter"]), *map(_number, numbers))
    brokers = _table("Brokers", "broker", "events/s", "events")
    for row in report["brokers"]:
        brokers.add_row(name(row), _number(row["events_per_s"]), _number(row["events_total"]))
    for row in report["channels"]:
        brokers.add_row(f"[dim]channel[/] {name(row)}", _number(row["events_per_s"]), _number(row["events_total"]))
    return Group(services, brokers, triggers, *_sources_and_sinks(report, name), *_troubles(report))


def _sources_and_sinks(report: dict[str, Any], name: Callable[[dict[str, Any]], str]) -> Iterator[Table]:
    """Tables of what few projects have, where there are rows in them."""
    if report["ping_sources"]:
        pings = _table("PingSources", "source", "schedule", "next", "sent", "lost")
        for row in report["ping_sources"]:
            due = row["next_ms"] and f"{datetime.fromtimestamp(row['next_ms'] / 1_000):%d.%m. %H:%M:%S}"
            style = "red" if row["lost"] else "none"
            numbers = (str(row["sent"]), str(row["lost"]))
            pings.add_row(f"[{style}]{name(row)}[/]", escape(row["schedule"]), due or "–", *numbers)
        yield pings
    if report["job_sinks"]:
        jobs = _table("JobSinks", "sink", "waiting", "running", "succeeded", "failed")
        for row in report["job_sinks"]:
            style = "red" if row["failed"] else "none"
            numbers = (row[state] for state in ("waiting", "running", "succeeded", "failed"))
            jobs.add_row(f"[{style}]{name(row)}[/]", *map(str, numbers))
        yield jobs
    if report["kafka_sinks"]:
        sinks = _table("KafkaSinks", "sink", "topic", "events/s", "events")
        for row in report["kafka_sinks"]:
            numbers = (row["events_per_s"], row["events_total"])
            sinks.add_row(name(row), escape(row["topic"]), *map(_number, numbers))
        yield sinks


def _troubles(report: dict[str, Any]) -> list[str]:
    rows = [*report["services"], *report["deployments"]]
    troubles = [f"[red]{escape(row['name'])}[/]: {escape(row['problem'])}" for row in rows if row["problem"]]
    troubles += [
        f"[yellow]{escape(row['name'])}[/]: its filter could not be evaluated for {row['filter_failures']} events"
        for row in report["triggers"]
        if row["filter_failures"]
    ]
    mistakes = report["manifests"]["problems"]
    if mistakes:
        troubles += [
            "[red]the manifests have changed, but cannot be served as they are now[/]:",
            *map(escape, mistakes),
        ]
    return troubles


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="left" if column == "filter" else "right")
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


app.add_typer(cli_events.events, name="events")
app.add_typer(cli_events.dead_letters, name="dead-letters")


def main() -> None:
    """Run the command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
