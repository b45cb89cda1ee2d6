"""`trackway deploy`: builds what goes to a cluster, checks it, applies it, and says what is not ready and why."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from trackway.cli.api import FAILED, USAGE, err, fail
from trackway.cli.up import MANIFESTS, find_root

if TYPE_CHECKING:
    from trackway.deploy.manifest import Manifest

deploy = typer.Typer(help="Bring Trackway to a Kubernetes cluster.", no_args_is_help=True)

OVERLAYS = MANIFESTS.parent
Overlay = Annotated[
    str, typer.Argument(help=f"A folder with a kustomization, a file of manifests, or a name in {OVERLAYS}.")
]


@deploy.command()
def render(
    overlay: Overlay,
    check: Annotated[
        bool, typer.Option("--check", help="Refuse what a cluster would refuse, or take and never get ready.")
    ] = False,
) -> None:
    """Print what an overlay gives. Ends with 1 when it cannot be built, or --check finds a mistake."""
    from trackway.deploy.build import build  # noqa: PLC0415 - no other command needs it

    path = find(overlay)
    if check:
        verdict(objects(path))
    with explained():
        sys.stdout.write(path.read_text() if path.is_file() else build(path))


def find(overlay: str) -> Path:
    """The folder or file that is meant; ends the command when there is none."""
    given = Path(overlay)
    if given.is_file() or (given / "kustomization.yaml").exists():
        return given
    named = find_root() / OVERLAYS / overlay
    if (named / "kustomization.yaml").exists():
        return named
    names = ", ".join(sorted(each.name for each in named.parent.iterdir()))
    fail(f"{overlay} is neither a folder with a kustomization.yaml, nor a file, nor one of {names}", USAGE)


def objects(path: Path) -> Sequence[Manifest]:
    """The manifests there; ends the command when they cannot be had."""
    from trackway.deploy.build import manifests  # noqa: PLC0415 - as above
    from trackway.deploy.manifest import parse  # noqa: PLC0415 - as above

    with explained():
        found = parse(path.read_text()) if path.is_file() else manifests(path)
    if not found:
        fail(f"{path} gives no objects")
    return found


def verdict(found: Sequence[Manifest]) -> None:
    """Say what is wrong with manifests, and end the command when anything is."""
    from knative_local.cron import BadSchedule, parse  # noqa: PLC0415 - slow to import, and only needed here
    from knative_local.filters.cesql import mistake_in  # noqa: PLC0415 - as above
    from trackway.deploy.checking import Grammars, check  # noqa: PLC0415 - as above

    def cron(schedule: str) -> str | None:
        try:
            parse(schedule)
        except BadSchedule as error:
            return str(error)
        return None

    said = check(found, Grammars(cesql=mistake_in, cron=cron))
    for mistake in said.mistakes:
        err.print(f"[red]✗[/] {escape(str(mistake))}", soft_wrap=True)
    for each in said.unknown:
        err.print(f"[yellow]![/] {each} of {each.api_version} is not checked: that kind is not known here")
    if said.mistakes:
        raise typer.Exit(FAILED)
    for need in said.needed:
        err.print(f"[yellow]![/] {need} has to be there before", soft_wrap=True)
    err.print(f"[green]✓[/] nothing is wrong with {len(found)} objects")


@contextmanager
def explained() -> Generator[None]:
    """Whatever goes wrong while manifests are built or read ends the command with a sentence."""
    from trackway.deploy.build import BuildFailed, NoKustomize  # noqa: PLC0415 - as above
    from trackway.deploy.manifest import InvalidManifests  # noqa: PLC0415 - as above

    try:
        yield
    except NoKustomize as error:
        fail(str(error), USAGE)
    except (BuildFailed, InvalidManifests, UnicodeDecodeError) as error:
        fail(str(error))
