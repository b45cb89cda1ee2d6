"""`trackway doctor`: what this machine and this checkout need, and whether a running Trackway is well."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.markup import escape

from trackway.cli.api import FAILED, REMEDY, Api, out
from trackway.cli.deploy import Context, Kubeconfig, find, objects
from trackway.cli.deploy import cluster as connected
from trackway.cli.trips import Url
from trackway.cli.up import BUILT, find_root


class Finding(NamedTuple):
    """One thing looked at: whether it is well, and what to do when it is not."""

    what: str
    well: bool
    remedy: str = ""


def doctor(
    port: Annotated[int, typer.Option(help="The port that Trackway is to listen on.")] = 8080,
    url: Url = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Check a Kubernetes cluster instead.")] = False,
    overlay: Annotated[str, typer.Option(help="With --cluster: what is to run there.")] = "kind",
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Check the tools, the build, and a running Trackway, or a cluster; exit code 1 when something is wrong."""
    if cluster:
        raise typer.Exit(of_cluster(overlay, kubeconfig, context))
    api = Api(url or f"http://127.0.0.1:{port}")
    if api.healthy():
        found = running_instance(api)
    elif url is not None:
        found = iter([Finding(f"Trackway at {url}", False, f"does not answer. {REMEDY}")])
    else:
        found = iter([port_is_free(port)])
    findings = [*machine(), *build(), *found]
    for finding in findings:
        out.print(
            f"[green]✓[/] {finding.what}" if finding.well else f"[red]✗[/] {finding.what}: {finding.remedy}",
            soft_wrap=True,
        )
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


MARKS = {"well": "[green]✓[/]", "unsure": "[yellow]![/]", "wrong": "[red]✗[/]"}


def of_cluster(overlay: str, kubeconfig: Path | None, context: str | None) -> int:
    """Say what an overlay needs of a cluster and whether it is there; gives the exit code."""
    from trackway.deploy.needs import findings  # noqa: PLC0415 - slow to import, and only needed here

    wrong = 0
    with connected(kubeconfig, context) as there:
        for found in findings(there, objects(find(overlay))):
            wrong += found.state == "wrong"
            remedy = f": {found.remedy}" if found.remedy else ""
            out.print(f"{MARKS[found.state]} {escape(found.what + remedy)}", soft_wrap=True)
    return FAILED if wrong else 0


def machine() -> Iterator[Finding]:
    """The tools that `make` needs."""
    yield Finding(
        f"Python {sys.version_info.major}.{sys.version_info.minor}",
        sys.version_info >= (3, 11),
        "install 3.11 or newer",
    )
    node = shutil.which("node")
    version = (
        subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip() if node else ""
    )
    yield Finding(
        f"Node.js {version}".strip(),
        bool(version) and int(version.lstrip("v").split(".")[0]) >= 20,
        "install 20 or newer",
    )


def build() -> Iterator[Finding]:
    """What `make run` builds."""
    root = find_root()
    for file in BUILT:
        yield Finding(str(file), (root / file).exists(), "`make run` builds it")


def port_is_free(port: int) -> Finding:
    """Whether a start could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(f"port {port}", False, f"{error.strerror}; another one: make run PORT={port + 1}")
    return Finding(f"port {port} is free; Trackway is not running there", True)


def running_instance(api: Api) -> Iterator[Finding]:
    """The gateway, the functions and the dead letters of a running Trackway."""
    yield Finding(f"Trackway answers at {api.url}", True)
    routes = len(api.get("/v1/routes")["routes"])
    yield Finding(
        f"{routes} routes", routes > 0, "there is none yet: draw one, or start with `make run`, which brings some"
    )
    for function in api.get("/v1/operations")["services"]:
        yield Finding(
            f"function {function['name']}, {function['instances']} running",
            not function.get("error"),
            function.get("error") or "",
        )
    letters = api.get("/v1/dead-letters", limit=1)["total"]
    yield Finding(
        f"{letters} dead letters", letters == 0, "see them on the operations page, or `knative-local dead-letters list`"
    )
