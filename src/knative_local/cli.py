"""The command `knative-local`. Only this process loads typer and rich: `up` becomes the runtime by exec."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from knative_local import cli_events

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
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    """Run what the manifests say until Ctrl-C.

    Ends with 0 after Ctrl-C, 1 when something cannot run (then nothing was started), 2 for a wrong option.
    """
    words = [sys.executable, "-m", "knative_local.runtime", str(path)]
    words += ["--port", str(port), "--host", host, "--state", str(state), "--root", str(root)]
    os.execv(sys.executable, [*words, "--verbose"] if verbose else words)


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
        with Live(_tables(report), console=console, screen=True) as live:
            while True:
                time.sleep(1)
                live.update(_tables(_report(url)))


def _report(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/_knative/status", timeout=5) as answer:  # noqa: S310
            return json.load(answer)
    except (OSError, urllib.error.URLError, ValueError) as error:
        Console(stderr=True).print(f"[red]no runtime answers at {url}[/red] ({error}); start one: knative-local up")
        raise typer.Exit(3) from error


def _tables(report: dict[str, Any]) -> Group:
    services = Table("service", "instances", "in flight", "requests/s", "p99 ms", "cold start ms", title="Services")
    for row in report["services"]:
        instances = f"{row['instances']}" + (f" (+{row['starting']})" if row["starting"] else "")
        style = "red" if row["problem"] else "green" if row["instances"] else "dim"
        services.add_row(
            f"[{style}]{_name(row)}[/]",
            instances,
            _number(row["in_flight"]),
            _number(row["requests_per_s"]),
            _number(row["p99_ms"]),
            _number(row["cold_start_p50_ms"]),
        )
    for row in report["deployments"]:
        style = "green" if row["running"] else "red"
        services.add_row(f"[{style}]{_name(row)}[/]", "1" if row["running"] else "0", "", "", "", "")
    triggers = Table("trigger", "filter", "events/s", "in flight", "backlog", "dead letters", title="Triggers")
    for row in report["triggers"]:
        triggers.add_row(
            _name(row),
            row["filter"],
            _number(row["events_per_s"]),
            _number(row["in_flight"]),
            _number(row["backlog"]),
            f"[red]{row['dead_letters']}[/]" if row["dead_letters"] else "0",
        )
    brokers = Table("broker", "events/s", "events", title="Brokers")
    for row in report["brokers"]:
        brokers.add_row(_name(row), _number(row["events_per_s"]), _number(row["events_total"]))
    return Group(services, brokers, triggers)


def _name(row: dict[str, Any]) -> str:
    return f"{row['namespace']}/{row['name']}"


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
