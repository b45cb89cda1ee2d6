"""The commands `knative-local events` and `knative-local dead-letters`, which ask a running runtime over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Annotated, Any, NoReturn
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

URL = "http://127.0.0.1:8080"
FAILED, NOT_REACHABLE = 1, 3
_WAIT_S = 20
_PAGE = 1_000

events = typer.Typer(help="What goes through the brokers.", no_args_is_help=True)
dead_letters = typer.Typer(help="Events that a subscriber did not take.", no_args_is_help=True)

Address = Annotated[str, typer.Option("--url", help="Where the runtime listens.", envvar="KNATIVE_LOCAL_URL")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line, for programs.")]


@events.callback()
def _events() -> None:
    """Keeps `tail` a command of its own while it is the only one."""


@events.command()
def tail(
    broker: Annotated[
        str | None, typer.Option(help="<namespace>/<name>; may be left out when there is only one.")
    ] = None,
    type_: Annotated[str, typer.Option("--type", help="Only events whose type begins so.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=_PAGE, help="How many to begin with.")] = 10,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")] = True,
    as_json: AsJson = False,
    url: Address = URL,
) -> None:
    """Show the newest events of a broker, and then each one as it comes in."""
    asked: dict[str, str | int] = {"limit": max(lines, 1)}
    if broker is not None:
        asked["broker"] = broker
    page = _ask(url, "events", asked)
    _show(page["events"][-lines:] if lines else [], type_, as_json)
    while follow:
        asked |= {"after": page["next"], "wait": _WAIT_S, "limit": _PAGE}
        page = _ask(url, "events", asked)
        _show(page["events"], type_, as_json)


@dead_letters.command("list")
def list_(
    trigger: Annotated[str | None, typer.Option(help="<namespace>/<name> of a Trigger.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="How many at most, newest first.")] = 50,
    as_json: AsJson = False,
    url: Address = URL,
) -> None:
    """List dead letters, newest first."""
    asked: dict[str, str | int] = {"limit": limit}
    if trigger is not None:
        asked["trigger"] = trigger
    found = _ask(url, "dead-letters", asked)
    console = Console()
    if as_json:
        for letter in found["dead_letters"]:
            _line(console, json.dumps(letter))
        return
    if not found["dead_letters"]:
        console.print("[green]no dead letters[/]")
        return
    table = Table("id", "when", "trigger", "type", "event", "why", "attempts", "sink")
    for letter in found["dead_letters"]:
        table.add_row(*(_safe(cell) for cell in _cells(letter)))
    console.print(table)
    console.print(
        f"{len(found['dead_letters'])} of {found['total']}; try one again: knative-local dead-letters replay ID"
    )


@dead_letters.command()
def replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Their ids, as `list` shows them.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    trigger: Annotated[str | None, typer.Option(help="With --all: only those of this Trigger.")] = None,
    url: Address = URL,
) -> None:
    """Deliver dead letters to their Trigger's subscriber once more; what is taken is a dead letter no more."""
    if bool(ids) == all_:
        raise typer.BadParameter("give ids, or --all")
    if trigger is not None and not all_:
        raise typer.BadParameter("--trigger goes with --all")
    chosen = ids or _all_ids(url, trigger)
    console = Console()
    for id_ in chosen:
        answer = _ask(url, f"dead-letters/{id_}/replay", method="POST")
        console.print(f"dead letter [bold]{id_}[/] is on its way to {escape(answer['trigger'])}")
    if not chosen:
        console.print("[green]no dead letters[/]")


def _all_ids(url: str, trigger: str | None) -> list[int]:
    ids: list[int] = []
    while True:
        asked: dict[str, str | int] = {"limit": _PAGE}
        if trigger is not None:
            asked["trigger"] = trigger
        if ids:
            asked["before"] = ids[-1]
        page = [letter["id"] for letter in _ask(url, "dead-letters", asked)["dead_letters"]]
        ids += page
        if len(page) < _PAGE:
            return ids[::-1]


def _show(found: list[dict[str, Any]], type_: str, as_json: bool) -> None:
    console = Console()
    for entry in found:
        event = entry["event"]
        if not event["type"].startswith(type_):
            continue
        if as_json:
            _line(console, json.dumps(entry))
            continue
        data = event.get("data", event.get("data_base64", ""))
        shown = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        console.print(
            f"[dim]{entry['offset']:>8} {_time(entry['appended_ms'])}[/] [bold cyan]{_safe(event['type'])}[/]"
            f" {_safe(event.get('subject', ''))} [dim]{_safe(event['id'])}[/] {_safe(shown)}",
            highlight=False,
            soft_wrap=True,
        )


def _cells(letter: dict[str, Any]) -> tuple[str, ...]:
    event = letter["event"]
    return (
        str(letter["id"]),
        _time(letter["when_ms"]),
        letter["trigger"],
        event["type"],
        event["id"],
        letter["reason"] + (" (on its way again)" if letter["replaying"] else ""),
        str(letter["attempts"]),
        "delivered" if letter["delivered_to_sink"] else "–",
    )


def _safe(text: str) -> str:
    """Text from outside, without markup and without what could steer a terminal."""
    return escape("".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text))


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _ask(url: str, path: str, asked: dict[str, str | int] | None = None, method: str = "GET") -> Any:
    address = f"{url.rstrip('/')}/_knative/{path}" + (f"?{urlencode(asked)}" if asked else "")
    if not address.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{url} is not an http:// address")
    request = urllib.request.Request(address, method=method)  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S + 10) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        _fail(_detail(error), FAILED)
    except (OSError, ValueError) as error:
        _fail(f"no runtime answers at {url} ({error}); start one: knative-local up", NOT_REACHABLE)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _detail(error: urllib.error.HTTPError) -> str:
    with error:
        try:
            return str(json.load(error)["detail"])
        except (ValueError, KeyError, TypeError):
            return f"the runtime answered {error.code}"


def _fail(text: str, status: int) -> NoReturn:
    Console(stderr=True).print(f"[red]{escape(text)}[/]")
    raise typer.Exit(status)
