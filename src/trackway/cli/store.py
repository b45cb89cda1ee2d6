"""`trackway store`: what is kept, moved from one store to another."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TextColumn
from rich.table import Table

from trackway.cli.api import UNREACHABLE, USAGE, err, fail, out
from trackway.storage import open_store
from trackway.storage.port import SchemaTooNew, Store, StoreUnavailable
from trackway.storage.transfer import KINDS, AlreadyCopied, Copied, Differs, Digest, NotEmpty, Source, copy

store = typer.Typer(help="Move what is kept to another store.", no_args_is_help=True)

SOURCE_KINDS = "sqlite:///path/to/file.db or mongodb://host:port/database"


@store.command("copy")
def copy_store(
    source: Annotated[str, typer.Argument(help=f"From: {SOURCE_KINDS}.")],
    to: Annotated[str, typer.Argument(help="To: mongodb://host:port/database, one that holds nothing yet.")],
    batch: Annotated[int, typer.Option(help="Records written at once.", min=1, max=10_000)] = 2000,
) -> None:
    """Copy all that a store holds into a MongoDB, and check it. Stop Trackway first. A copy that was cut off goes on
    where it was when the command is given again."""
    one, other = opened(source), opened(to)
    file = Path(source.removeprefix("sqlite:///"))
    if source.startswith("sqlite:///") and not file.exists():
        fail(f"{file} is not there, so there is nothing to copy", USAGE)  # or it would be made, and empty
    if not isinstance(one, Source):
        fail(f"{source} cannot be copied from; use {SOURCE_KINDS}", USAGE)
    if not isinstance(other, Copied):
        fail(f"{to} cannot be copied to; use mongodb://host:port/database", USAGE)
    try:
        held = asyncio.run(run(one, other, batch))
    except AlreadyCopied as error:
        out.print(f"[green]✓[/] {error}", soft_wrap=True)
        return
    except (NotEmpty, Differs, SchemaTooNew) as error:
        fail(str(error))
    except StoreUnavailable as error:
        fail(f"{error}. Give the command again when it is there: the copy goes on where it was.", UNREACHABLE)
    report(one.name, other.name, held)


def opened(address: str) -> Store:
    """The store at the address; ends the command when it cannot be one."""
    try:
        return open_store(address)
    except ValueError as error:
        fail(str(error), USAGE)


async def run(source: Source, copied: Copied, batch: int) -> dict[str, Digest]:
    """Copy, showing on a terminal how far it has come."""
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:>12,.0f}"))
    with Progress(*columns, console=err, transient=True) as progress:
        bars = {kind: progress.add_task(f"{kind}s", total=None) for kind in KINDS}
        try:
            return await copy(source, copied, batch, lambda kind, more: progress.advance(bars[kind], more))
        finally:
            await source.close()
            await copied.close()


def report(source: str, copied: str, held: dict[str, Digest]) -> None:
    """What is in both."""
    out.print(f"[green]✓[/] {copied} holds what {source} holds", soft_wrap=True)
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("records")
    table.add_column("in both", justify="right")
    table.add_column("checksum")
    for kind, digest in held.items():
        table.add_row(f"{kind}s", f"{digest.count:,}", f"{digest.sum:016x}")
    out.print(table)
