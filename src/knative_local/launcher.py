"""Starts the runtime's processes: from their program, or forked from a warm parent that has loaded their modules."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from knative_local.environment import machine_environment
from knative_local.forking import CannotFork, ForkServer, ForkServers, Module, module_of, reap
from knative_local.http1 import HttpClient
from knative_local.metrics.page import VARIABLE as METRICS
from knative_local.metrics.page import Told
from knative_local.process import HOST, RUN_MARK, AdoptedChild, Child, ExecutedChild, Program, StartError, run_mark
from knative_local.process_log import ProcessLog
from knative_local.readiness import ReadySocket

# Below the range from which systems take ports for outgoing connections, so that none of those can be in the way.
PORTS: Final = range(18000, 30000)
FORK_SERVER: Final = "fork-server"
"""What the output of warm parents is marked with."""
_PR_SET_PDEATHSIG: Final = 1

logger = logging.getLogger(__name__)


class _Ports:
    """Hands out ports one after the other, from a random start so that two runtimes seldom meet."""

    def __init__(self) -> None:
        self._next = random.randrange(len(PORTS))  # noqa: S311 nothing secret in it

    def free(self) -> int:
        for _ in PORTS:
            port = PORTS[self._next]
            self._next = (self._next + 1) % len(PORTS)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with contextlib.suppress(OSError):
                    probe.bind((HOST, port))
                    return port
        raise StartError(f"no free port between {PORTS.start} and {PORTS.stop}")


_ports = _Ports()


def _end_with_parent() -> Callable[[], None] | None:
    """What a child runs first so that the kernel kills it when the runtime is killed (Linux only).

    SIGKILL and not SIGTERM: without a runtime nobody could answer what a draining instance still wants to send. Other
    systems have no such thing; there the next start ends what is left (`end_leftovers`).
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it was killed in between
            os._exit(1)

    return arrange


def _pipe(ours: ExitStack, its: ExitStack) -> tuple[int, int]:
    """The end to read and the end to write, each to be closed with its stack. Raises OSError."""
    outer, inner = os.pipe()
    ours.callback(os.close, outer)
    its.callback(os.close, inner)
    return outer, inner


class Launcher:
    """Starts processes in the project's folder."""

    def __init__(self, root: Path, state: Path, client: HttpClient) -> None:
        self._root = root
        self._logs = state / "log"
        self._run = state / "run"
        self._mark = run_mark(state)
        self._client = client
        self._before = _end_with_parent()
        self._running: dict[Child, str] = {}
        self._programs: dict[tuple[str, ...], Program] = {}
        self._fork_servers = ForkServers(self._start_parent)
        self._groups: set[int] = set()
        self._told: set[str] = set()

    async def start(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], preload: tuple[str, ...] = ()
    ) -> Child:
        """Start `argv` with PORT set to a free port; raises StartError when it cannot.

        With `preload`, a `python -m …` is forked from a process that has imported these modules, where that can be.
        """
        module = module_of(argv)
        server = self._server(preload, environment) if module else None
        if module and server:
            try:
                return await self._fork(name, argv, module, environment, server)
            except CannotFork as error:
                level = logging.INFO if str(error) in self._told else logging.WARNING
                self._told.add(str(error))
                logger.log(level, "%s is started without its preloaded modules: %s", name, error)
        return await self._execute(name, argv, environment)

    def warm(self, argv: Sequence[str], environment: Mapping[str, str], preload: tuple[str, ...]) -> None:
        """Load, in the background, what `start` with the same arguments will want to be loaded."""
        server = self._server(preload, environment) if module_of(argv) else None
        if server:
            server.warm()

    async def stop(self) -> None:
        """End what processes were forked from; they themselves are ended by who has started them."""
        await self._fork_servers.stop()

    @property
    def instances(self) -> list[Told]:
        """Where those that run may tell their metrics: those that know how to have made the socket."""
        found = ((name, child, self._metrics(child.address.port)) for child, name in self._running.items())
        return [
            Told(str(path), {"pod": f"{name}-{child.address.port}"}) for name, child, path in found if path.is_socket()
        ]

    def kill_all(self) -> None:
        """SIGKILL to every process that is still there."""
        for child in list(self._running):
            child.kill()

    def _server(self, preload: tuple[str, ...], environment: Mapping[str, str]) -> ForkServer | None:
        return self._fork_servers.of(preload, environment) if preload and sys.platform == "linux" else None

    async def _execute(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str], inherited: tuple[int, ...] = ()
    ) -> Child:
        log: ProcessLog | None = None
        notice = ReadySocket()
        try:
            port = _ports.free()
            log = ProcessLog(name, self._logs / f"{name}.log")
            _, child = await asyncio.get_running_loop().subprocess_exec(
                partial(ExecutedChild, port, self._client, log, notice, self._program(argv)),
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self._root,
                env=self._own(environment, port, notice),
                start_new_session=True,
                preexec_fn=self._before,
                pass_fds=inherited,
            )
        except OSError as error:
            notice.close()
            if log is not None:
                log.close()
            raise StartError(f"cannot start {argv[0]}: {error.strerror or error}") from error
        self._watch(name, child)
        return child

    async def _fork(
        self, name: str, argv: Sequence[str], module: Module, environment: Mapping[str, str], server: ForkServer
    ) -> Child:
        """Raises CannotFork, and StartError for what would not go in the ordinary way either."""
        notice = ReadySocket()
        with ExitStack() as undo, ExitStack() as given:
            undo.callback(notice.close)
            try:
                port = _ports.free()
                log = ProcessLog(name, self._logs / f"{name}.log")
                undo.callback(log.close)
                (stdout, its_stdout), (stderr, its_stderr) = _pipe(undo, given), _pipe(undo, given)
            except OSError as error:
                raise StartError(f"cannot start {argv[0]}: {error.strerror or error}") from error
            pid = await server.fork(module, self._own(environment, port, notice), (its_stdout, its_stderr))
            child = AdoptedChild(port, self._client, log, notice, self._program(argv), pid, (stdout, stderr))
            undo.pop_all()
        self._watch(name, child)
        return child

    def _own(self, environment: Mapping[str, str], port: int, notice: ReadySocket) -> dict[str, str]:
        self._run.mkdir(parents=True, exist_ok=True, mode=0o700)
        metrics = self._metrics(port)
        metrics.unlink(missing_ok=True)  # of one that had the same port
        own = {"PORT": str(port), METRICS: str(metrics), RUN_MARK: self._mark}
        return {**environment, **notice.environment, **own}

    def _metrics(self, port: int) -> Path:
        return (self._run / f"m{port}.sock").resolve()

    def _program(self, argv: Sequence[str]) -> Program:
        return self._programs.setdefault(tuple(argv), Program())

    async def _start_parent(self, argv: Sequence[str], environment: Mapping[str, str], control: int) -> Child:
        return await self._execute(FORK_SERVER, argv, {**machine_environment(), **environment}, (control,))

    def _watch(self, name: str, child: Child) -> None:
        self._running[child] = name
        child.when_ended(self._ended)

    def _ended(self, child: Child) -> None:
        """What it left behind was killed with it, and has become ours where there is a fork server."""
        self._running.pop(child, None)
        self._metrics(child.address.port).unlink(missing_ok=True)
        self._groups.add(child.pid)
        self._groups = {group for group in self._groups if not reap(group)}
