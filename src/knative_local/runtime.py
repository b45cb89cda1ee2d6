"""The process of the runtime (`python -m knative_local.runtime`): checks everything first, then runs until a signal."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import uvloop

from knative_local import banner
from knative_local.durations import go_duration
from knative_local.environment import VariableErrors
from knative_local.heap import keep_freed
from knative_local.log.opening import LogOptions, kafka_servers
from knative_local.log.port import LogUnavailable
from knative_local.log.retention import Retention, size
from knative_local.logs import FORMATS, LEVELS, Format, Level, configure, is_json
from knative_local.loopback import HOSTS
from knative_local.manifests import ManifestErrors, load
from knative_local.model import Manifests
from knative_local.node import Node, ingress_path
from knative_local.reloading import Reloader
from knative_local.revisions import RevisionErrors

LONGEST_SOCKET_PATH: Final = 100
MOST_FILES: Final = 65_536

logger = logging.getLogger("knative_local.runtime")  # `__name__` is `__main__` here


class CannotStart(Exception):
    """Why nothing was started, in one sentence or one line per reason; `status` is the exit status."""

    def __init__(self, message: str, status: Literal[1, 2] = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    path: Path
    host: str
    port: int
    state: Path
    root: Path
    log: str | None
    keep_for: int
    keep_size: int
    watch: bool
    log_format: Format
    log_level: Level


def parse(argv: Sequence[str]) -> Options:
    """The options; ends the process with status 2 when they make no sense."""
    parser = argparse.ArgumentParser(prog="knative-local up", description=__doc__)
    parser.add_argument("path", type=Path, help="a kustomization, a folder of manifests, or one file")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--state", type=Path, default=Path("var/knative"), help="what lasts: log, sockets, output")
    parser.add_argument("--root", type=Path, default=Path(), help="the folder in which processes are started")
    parser.add_argument("--log", type=_servers, help="a Kafka cluster for the log, as kafka://127.0.0.1:9092")
    parser.add_argument("--keep-for", type=_milliseconds, default="24h", help="how long events are kept, as 24h or 90m")
    parser.add_argument("--keep-size", type=_bytes, default="2GB", help="how large the log may get, as 500MB or 2GB")
    parser.add_argument("--no-watch", dest="watch", action="store_false", help="do not follow changes of the manifests")
    parser.add_argument(
        "--log-format", choices=FORMATS, default="text", help="what is told: for people, or a collector"
    )
    parser.add_argument("--log-level", choices=LEVELS, default="warning")
    return Options(**vars(parser.parse_args(argv)))


def _servers(text: str) -> str:
    found = kafka_servers(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no address of Kafka: write it as kafka://127.0.0.1:9092")
    return found


def _milliseconds(text: str) -> int:
    seconds = go_duration(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration: write it as 24h, 90m or 1h30m")
    return int(seconds * 1000)


def _bytes(text: str) -> int:
    found = size(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size: write it as 500MB or 2GB")
    return found


def read_manifests(path: Path) -> Manifests:
    """The manifests, with every name in them known; raises CannotStart with a line per mistake."""
    try:
        return load(path)
    except ManifestErrors as errors:
        raise CannotStart(str(errors)) from errors


def listen(host: str, port: int) -> socket.socket:
    """The front door's socket; raises CannotStart for an address that is not this machine's, or that is taken."""
    if host not in HOSTS:
        raise CannotStart(
            f"{host} can be reached from other machines, and there is no authentication yet; use 127.0.0.1", 2
        )
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1" if host == "localhost" else host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotStart(
            f"port {port} on {host} cannot be used ({reason}): stop what listens there, or choose another port"
        ) from error
    return listener


def run(options: Options) -> int:
    """Run until SIGINT or SIGTERM; the exit status: 0, 1 for what cannot run, 2 for a refused option."""
    configure(options.log_format, options.log_level)
    try:
        if len(os.fsencode(ingress_path(options.state))) > LONGEST_SOCKET_PATH:
            raise CannotStart(f"the path {options.state.resolve()} is too long for a Unix socket in it; choose another")
        _raise_file_limit()
        keep_freed()
        listener = listen(options.host, options.port)
        read_ns = time.time_ns()
        manifests = read_manifests(options.path)
        log = LogOptions(options.log, Retention(age_ms=options.keep_for, bytes=options.keep_size))
        node = Node(manifests, listener, options.state, options.root, log)
        reloader = Reloader(options.path, manifests, read_ns, node.apply, node.loaded) if options.watch else None
        uvloop.run(_until_signal(node, manifests, reloader))
    except (CannotStart, VariableErrors, RevisionErrors, LogUnavailable, OSError) as error:
        _refuse(str(error))
        return error.status if isinstance(error, CannotStart) else 1
    return 0


def _raise_file_limit() -> None:
    """As many open files as the system allows: each WebSocket takes two here and one in its instance."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _until_signal(node: Node, manifests: Manifests, reloader: Reloader | None) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            node.kill()
            os._exit(130)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    async with AsyncExitStack() as stack:
        starting = loop.create_task(node.start(stack))
        ended = loop.create_task(asked.wait())
        await asyncio.wait((starting, ended), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _say(
                f"serves at {node.url}",
                banner.started(node.url, manifests, node.direct_urls, color=banner.wants_color(sys.stdout)),
            )
            gc.collect()
            gc.freeze()
            if reloader is not None:
                stack.push_async_callback(reloader.stop)
                reloader.begin()
            await ended
        else:
            starting.cancel()
            await asyncio.wait((starting,))
        _say("stops", "stopping …")


def _say(entry: str, text: str) -> None:
    """Tell people, or a collector."""
    if is_json():
        logger.info(entry)
        return
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _refuse(text: str) -> None:
    if is_json():
        logger.critical("%s", text)
    else:
        sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:])))
