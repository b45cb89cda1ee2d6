"""`trackway deploy`: builds what goes to a cluster, checks it, applies it, and says what is not ready and why."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from trackway.cli.api import FAILED, UNREACHABLE, USAGE, err, fail, out
from trackway.cli.up import MANIFESTS, find_root

if TYPE_CHECKING:
    from trackway.deploy.checking import Grammars
    from trackway.deploy.cluster import Cluster
    from trackway.deploy.manifest import Manifest
    from trackway.deploy.readiness import Readiness

deploy = typer.Typer(help="Bring Trackway to a Kubernetes cluster.", no_args_is_help=True)

OVERLAYS = MANIFESTS.parent
Overlay = Annotated[
    str, typer.Argument(help=f"A folder with a kustomization, a file of manifests, or a name in {OVERLAYS}.")
]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="Where the cluster is described.", show_default="KUBECONFIG or ~/.kube/config")
]
Context = Annotated[str | None, typer.Option(help="Which of its contexts.", show_default="the current one")]
Force = Annotated[bool, typer.Option("--force", help="Take over fields that others own.")]
DIFFERS = 4
"""The exit code that says: nothing went wrong, and something would change."""
CHANGE_COLOURS = {"created": "green", "changed": "yellow", "as it was": "dim"}
STATE_COLOURS = {"ready": "green", "waiting": "yellow", "missing": "red"}
DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


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


@deploy.command()
def diff(overlay: Overlay, kubeconfig: Kubeconfig = None, context: Context = None, force: Force = False) -> None:
    """Show what apply would change, by a dry run on the cluster. Ends with 0 for nothing, and with 4 for something."""
    from trackway.deploy.applying import in_order, put, reason  # noqa: PLC0415 - as below
    from trackway.deploy.cluster import NoSuchKind, Refused  # noqa: PLC0415 - as below
    from trackway.deploy.diffing import diff as differences  # noqa: PLC0415 - as below

    changes = refused = 0
    found = objects(find(overlay))
    new = {each.name for each in found if each.kind == "Namespace"}
    with cluster(kubeconfig, context) as there:
        absent = {each.name for each in found if each.kind == "Namespace" and there.get(each) is None} & new
        for each in in_order(found):
            before = None if each.namespace in absent else there.get(each)
            try:
                # Nothing can be tried out in a namespace that is not there.
                after = each.tree if each.namespace in absent else put(there, each, before, force=force, dry_run=True)
            except (Refused, NoSuchKind) as error:
                refused += 1
                err.print(f"[red]✗[/] {each}: {escape(reason(error))}", soft_wrap=True)
                continue
            lines = list(differences(str(each), before, after))
            changes += bool(lines)
            for line in lines:
                out.print(
                    f"[{DIFF_COLOURS.get(line[:1], '')}]{escape(line)}[/]"
                    if line[:1] in DIFF_COLOURS
                    else escape(line),
                    soft_wrap=True,
                )
    if refused:
        raise typer.Exit(FAILED)
    err.print(
        f"[yellow]![/] {changes} of {len(found)} objects would change"
        if changes
        else "[green]✓[/] nothing would change"
    )
    raise typer.Exit(DIFFERS if changes else 0)


@deploy.command()
def apply(
    overlay: Overlay,
    force: Force = False,
    patience: Annotated[
        float, typer.Option(help="Seconds to wait until all is ready; 0 waits for nothing.", min=0)
    ] = 300,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Check, apply, and wait until all is ready. Ends with 1 when something is refused or not ready in time."""
    from trackway.deploy.applying import apply as applying  # noqa: PLC0415 - as below

    found = objects(find(overlay))
    verdict(found)
    with cluster(kubeconfig, context) as there:
        err.print(f"applying to {there.name} ({there.server})", style="dim", soft_wrap=True)
        refused = 0
        for done in applying(there, found, force=force):
            if done.change is None:
                refused += 1
                err.print(f"[red]✗[/] {done.manifest}: {escape(done.why)}", soft_wrap=True)
            else:
                out.print(f"[{CHANGE_COLOURS[done.change]}]{done.change:>9}[/] {done.manifest}")
        if refused:
            raise typer.Exit(FAILED)
        raise typer.Exit(wait(there, found, patience) if patience else 0)


@deploy.command()
def status(overlay: Overlay, kubeconfig: Kubeconfig = None, context: Context = None) -> None:
    """How each object of an overlay is, and why what is not ready is not. Ends with 1 when something is not."""
    from trackway.deploy.waiting import look  # noqa: PLC0415 - as below

    found = objects(find(overlay))
    with cluster(kubeconfig, context) as there:
        looked = look(there, found)
    table = Table(box=None, pad_edge=False)
    for title in ("namespace", "kind", "name", "state"):
        table.add_column(title)
    for it in found:
        how = looked[it]
        table.add_row(it.namespace, it.kind, it.name, f"[{STATE_COLOURS[how.state]}]{how.state}[/]")
    out.print(table)
    for it, how in looked.items():
        if how.why:
            mark = "[yellow]![/]" if how.ready else "[red]✗[/]"
            out.print(f"{mark} {it} {escape(how.why)}", soft_wrap=True)
    raise typer.Exit(0 if all(how.ready for how in looked.values()) else FAILED)


def wait(there: Cluster, found: Sequence[Manifest], patience: float) -> int:
    """Tell what becomes ready as it does, and in the end what did not and why; gives the exit code."""
    from trackway.deploy.waiting import until_ready  # noqa: PLC0415 - as below

    late: set[Manifest] = set()
    looked: dict[Manifest, Readiness] = {}
    with err.status("waiting") as progress:
        for looked in until_ready(there, found, patience):
            for it in [each for each in found if each in late and looked[each].ready]:
                out.print(f"[green]✓[/] {it} is ready")
            late = {it for it, how in looked.items() if not how.ready}
            first = next((f"; {it} {looked[it].why}" for it in found if it in late), "")
            progress.update(f"waiting for {len(late)} of {len(found)}{escape(first)}")
    for it, how in looked.items():
        if not how.ready:
            err.print(f"[red]✗[/] after {patience:g} s {it} {escape(how.why)}", soft_wrap=True)
        elif how.why:
            err.print(f"[yellow]![/] {it} {escape(how.why)}", soft_wrap=True)
    if not late:
        err.print(f"[green]✓[/] all {len(found)} objects are ready")
    return FAILED if late else 0


@contextmanager
def cluster(kubeconfig: Path | None, context: str | None) -> Generator[Cluster]:
    """The cluster that is meant; whatever goes wrong with it ends the command with a sentence."""
    from trackway.deploy.cluster import NoCluster, Refused, Unreachable, connect  # noqa: PLC0415 - slow to import

    try:
        with connect(kubeconfig, context) as there:
            yield there
    except NoCluster as error:
        fail(str(error), USAGE)
    except Unreachable as error:
        fail(str(error), UNREACHABLE)
    except Refused as error:
        fail(str(error))


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
    from trackway.deploy.checking import check  # noqa: PLC0415 - slow to import, and only needed here

    said = check(found, grammars())
    for mistake in said.mistakes:
        err.print(f"[red]✗[/] {escape(str(mistake))}", soft_wrap=True)
    for each in said.unknown:
        err.print(f"[yellow]![/] {each} of {each.api_version} is not checked: that kind is not known here")
    if said.mistakes:
        raise typer.Exit(FAILED)
    for need in said.needed:
        err.print(f"[yellow]![/] {need} has to be there before", soft_wrap=True)
    for each in said.examples:
        err.print(f"[yellow]![/] {escape(each)} is an example; say yours in an overlay of your own", soft_wrap=True)
    err.print(f"[green]✓[/] nothing is wrong with {len(found)} objects")


def grammars() -> Grammars:
    """The languages inside of manifests: knative_local reads both, as Knative does."""
    from knative_local.cron import BadSchedule, parse  # noqa: PLC0415 - as above
    from knative_local.filters.cesql import mistake_in  # noqa: PLC0415 - as above
    from trackway.deploy.checking import Grammars  # noqa: PLC0415 - as above

    def cron(schedule: str) -> str | None:
        try:
            parse(schedule)
        except BadSchedule as error:
            return str(error)
        return None

    return Grammars(cesql=mistake_in, cron=cron)


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
