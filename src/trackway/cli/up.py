"""`trackway up`: prepares the store and the routes, then becomes knative_local, which runs all the manifests."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from trackway.cli.api import UNREACHABLE, USAGE, fail
from trackway.functions.settings import PositionsBy
from trackway.storage import MONGO, open_store
from trackway.storage.port import StoreUnavailable
from trackway.telemetry.logs import FORMAT, LEVEL, Format, Level
from trackway.telemetry.tracing import TracingUnavailable, is_wanted
from trackway.telemetry.tracing import load as load_tracing

MANIFESTS = Path("knative/overlays/local")
ON_KAFKA = Path("knative/overlays/local-kafka")
_ADDRESSES = re.compile(r"[^\s:,]+:\d{1,5}(,[^\s:,]+:\d{1,5})*")
BUILT = (Path("build/frontend/index.html"), Path("build/map/streets.json"))

_OVERLAY = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - {base}
patches:
  - patch: |
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: trackway
        namespace: trackway
      data: {settings}
"""
_SINK_ON_KAFKA = """  - patch: |
      apiVersion: eventing.knative.dev/v1alpha1
      kind: KafkaSink
      metadata:
        name: history
        namespace: trackway
      spec:
        bootstrapServers: {list}
"""
_PRELOAD = """  - target:
      group: serving.knative.dev
      kind: Service
    patch: |
      apiVersion: serving.knative.dev/v1
      kind: Service
      spec:
        template:
          metadata:
            annotations:
              local.knative.dev/preload: {modules}
"""


def up(
    port: Annotated[int, typer.Option(help="Where to listen, on 127.0.0.1.", min=1, max=65535)] = 8080,
    demo: Annotated[int, typer.Option(help="Put so many vehicles on the road.", min=0, max=2000)] = 0,
    state: Annotated[Path, typer.Option(help="Where events and data are kept.")] = Path("var"),
    store: Annotated[
        str | None,
        typer.Option(
            envvar="TRACKWAY_STORE",
            help="Where trips and positions are kept, if not in --state: mongodb://host:port/database.",
            show_default=False,
        ),
    ] = None,
    kafka: Annotated[
        str | None,
        typer.Option(
            envvar="TRACKWAY_KAFKA",
            help="Where events are kept, if not in --state: the address of a Kafka, as 127.0.0.1:9092.",
            show_default=False,
        ),
    ] = None,
    elasticsearch: Annotated[
        str | None,
        typer.Option(
            envvar="TRACKWAY_ELASTICSEARCH",
            help="Where the page's search asks: the address of an Elasticsearch that Kafka Connect fills.",
            show_default=False,
        ),
    ] = None,
    positions_by: Annotated[
        PositionsBy,
        typer.Option(envvar="TRACKWAY_POSITIONS_BY", help="Who stores positions; Kafka Connect only in MongoDB."),
    ] = "persist",
    otlp: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
            help="Where traces are sent: the address of an OpenTelemetry collector, as http://127.0.0.1:4318.",
            show_default=False,
        ),
    ] = None,
    log_format: Annotated[
        Format, typer.Option(envvar=FORMAT, help="What processes tell: text for people, JSON for a collector.")
    ] = "text",
    log_level: Annotated[Level, typer.Option(envvar=LEVEL, help="From which level on.")] = "warning",
    manifests: Annotated[Path | None, typer.Option(help=f"What runs, if not {MANIFESTS}.", show_default=False)] = None,
    host: Annotated[str, typer.Option(help="Only loopback, until there is authentication.")] = "127.0.0.1",
) -> None:
    """Start Trackway in the foreground; Ctrl-C stops all of it, and the next start goes on where it was."""
    root = find_root()
    os.chdir(root)
    missing = [str(file) for file in BUILT if not file.exists()]
    if missing:
        fail(f"{missing[0]} is not built yet; `make run` builds it and starts.", USAGE)
    if kafka is not None and not _ADDRESSES.fullmatch(kafka):
        fail(f"{kafka!r} is no address of a Kafka: give host:port, and more behind commas.", USAGE)
    if positions_by == "connect" and not (kafka and store and store.startswith(MONGO)):
        fail("Kafka Connect stores positions from a Kafka in a MongoDB: give --kafka and --store mongodb://….", USAGE)
    state.mkdir(parents=True, exist_ok=True)
    address = store or f"sqlite:///{state / 'trackway.db'}"
    seed(address)
    manifests = manifests or (MANIFESTS if kafka is None else ON_KAFKA)
    settings = {"TRACKWAY_STORE": address, "TRACKWAY_KAFKA": kafka, "TRACKWAY_ELASTICSEARCH": elasticsearch}
    if positions_by == "connect":
        settings["TRACKWAY_POSITIONS_BY"] = positions_by
    told = (log_format, log_level) != ("text", "warning")
    settings |= _tracing(otlp) | ({FORMAT: log_format, LEVEL: log_level} if told else {})
    as_is = state == Path("var") and not (store or kafka or elasticsearch or otlp or told)
    overlay = manifests if as_is else with_settings(manifests, {k: v for k, v in settings.items() if v}, state)
    if demo:
        start_demo(demo, port)
    runtime = [
        "-m",
        "knative_local",
        "up",
        str(overlay),
        "--host",
        host,
        "--port",
        str(port),
        "--state",
        str(state / "knative"),
        "--root",
        ".",
        "--log-format",
        log_format,
        "--log-level",
        log_level,
    ]
    become(runtime if kafka is None else [*runtime, "--log", f"kafka://{kafka}"])


def find_root() -> Path:
    """The project's folder: here or above, else where this package was installed from."""
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (folder / MANIFESTS / "kustomization.yaml").exists():
            return folder
    fail(f"There is no {MANIFESTS} here or above; run this in the project's folder.", USAGE)


def seed(address: str) -> None:
    """Bring the store up to date and lay in the routes that the product ships with."""
    from trackway.streets.seeding import seed_routes  # noqa: PLC0415 - igraph is slow to import and only needed here

    async def run() -> None:
        opened = open_store(address)
        try:
            await seed_routes(opened, BUILT[1])
        finally:
            await opened.close()

    try:
        asyncio.run(run())
    except ValueError as error:
        fail(str(error), USAGE)
    except StoreUnavailable as error:
        fail(f"{error}. Start it, or name another one by TRACKWAY_STORE.", UNREACHABLE)


def with_settings(manifests: Path, settings: Mapping[str, str], state: Path) -> Path:
    """An overlay in ``state`` on top of ``manifests`` with these settings; gives its folder."""
    # In a folder of its own: the runtime watches it, and beside it the stores write all the time.
    overlay = state / "manifests" / "overlay"
    overlay.mkdir(parents=True, exist_ok=True)
    base = os.path.relpath(manifests.resolve(), overlay.resolve())
    file = overlay / "kustomization.yaml"
    file.touch(mode=0o600)
    file.chmod(0o600)  # an address may hold a password
    text = _OVERLAY.format(base=base, settings=json.dumps(settings))
    if "TRACKWAY_KAFKA" in settings:
        text += _SINK_ON_KAFKA.format(list=json.dumps(settings["TRACKWAY_KAFKA"].split(",")))
    file.write_text(text + _preloads(settings))
    return overlay


def _preloads(settings: Mapping[str, str]) -> str:
    """What instances are forked from has the libraries loaded that the settings ask for: importing one takes longer
    than a start."""
    modules = ["trackway.functions.warm"]
    if settings["TRACKWAY_STORE"].startswith("mongodb"):
        modules.append("trackway.storage.mongo")
    if is_wanted(settings):
        modules.append("trackway.telemetry.otlp")
    return _PRELOAD.format(modules=",".join(modules)) if len(modules) > 1 else ""


def _tracing(endpoint: str | None) -> dict[str, str | None]:
    """The settings for traces: OpenTelemetry's own variables, as they are in the environment."""
    if endpoint is None:
        return {}
    try:
        load_tracing()
    except TracingUnavailable as error:
        fail(f"{error}.", USAGE)
    own = {
        name: value for name, value in os.environ.items() if name.startswith("OTEL_") and name != "OTEL_SERVICE_NAME"
    }
    return {**own, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}


def start_demo(vehicles: int, port: int) -> None:
    """Leave a process behind that waits for the gateway, starts the trips and ends; it ends too when we do."""
    command = [sys.executable, "-m", "trackway", "demo", str(vehicles)]
    command += ["--url", f"http://127.0.0.1:{port}", "--while-pid", str(os.getpid())]
    # Through a shell that ends at once: what we become knows nothing of this child and would never reap it.
    subprocess.run(["/bin/sh", "-c", '"$@" &', "sh", *command], check=True)


def become(arguments: list[str]) -> NoReturn:
    """Replace this process, so that nothing of the command line stays in memory."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *arguments])
