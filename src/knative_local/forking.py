"""The runtime's side of the fork server: keeps a warm parent for each list of modules, and has instances forked."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import re
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from knative_local.backoff import RestartBackoff

# What an interpreter reads when it begins, so that only a parent of the same values can stand for it.
BORN_WITH: Final = re.compile(r"PYTHON\w*|LD_\w+|DYLD_\w+|MALLOC_\w+|GLIBC_TUNABLES|LANG|LANGUAGE|LC_\w+")
PROGRAM: Final = Path(__file__).with_name("fork_server.py")
# `ps` shows an instance's words in the place of the parent's, which has to be as large for it.
ROOM_FOR_TITLE: Final = " " * 1024
LOAD_TIMEOUT_S: Final = 30.0
HUNG_FOR_S: Final = 300.0
"""How long nobody waits any more for modules that have not loaded in time."""
LARGEST_ANSWER: Final = 64 * 1024
_PR_SET_CHILD_SUBREAPER: Final = 36

logger = logging.getLogger(__name__)


class CannotFork(Exception):
    """Why an instance has to be started in the ordinary way."""


class Parent(Protocol):
    """The process of a fork server."""

    @property
    def reason(self) -> str:
        """How it ended, with its last words."""
        ...

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        ...

    def kill(self) -> None:
        """SIGKILL."""
        ...


StartParent = Callable[[Sequence[str], Mapping[str, str], int], Awaitable[Parent]]
"""Starts a program that inherits a descriptor; raises StartError."""


@dataclass(frozen=True, slots=True)
class Module:
    """`python -m <name> <arguments>`."""

    name: str
    arguments: tuple[str, ...]


def module_of(argv: Sequence[str]) -> Module | None:
    """What a command line runs if it is `python -m MODULE …` with the interpreter of this process."""
    if len(argv) < 3 or argv[0] != sys.executable or argv[1] != "-m":
        return None
    return Module(argv[2], tuple(argv[3:]))


def adopt_orphans() -> None:
    """From now on, what is orphaned below this process becomes its child (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become the one who adopts orphans")


def reap(group: int) -> bool:
    """Take the exit statuses of adopted processes of this group; True when there is none left in it."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
        return False
    return True


class ForkServer:
    """One warm parent: started when it is first wanted, and again after an unforeseen end."""

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str], start: StartParent) -> None:
        self._modules = ",".join(modules)
        self._environment = environment
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._backoff = RestartBackoff()
        self._not_before = 0.0
        self._reason = ""
        self._ready: asyncio.Future[socket.socket] | None = None
        self._answers: deque[asyncio.Future[int]] = deque()
        self._parent: Parent | None = None
        self._life: asyncio.Task[None] | None = None
        self._restart: asyncio.TimerHandle | None = None

    def warm(self) -> None:
        """Start it in the background, unless it is there or has just failed."""
        if self._life is None and self._loop.time() >= self._not_before:
            self._ready = self._loop.create_future()
            self._life = self._loop.create_task(self._live(self._ready))

    async def fork(self, module: Module, environment: Mapping[str, str], output: tuple[int, int]) -> int:
        """The process id of a new instance that runs `module` and writes to `output`, a child of this process and the
        leader of its own session. Raises CannotFork."""
        control = await self._serving()
        start = {"module": module.name, "arguments": module.arguments, "environment": dict(environment)}
        await self._send(control, json.dumps(start).encode(), output)
        answer: asyncio.Future[int] = self._loop.create_future()
        self._answers.append(answer)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(_end_unwanted)
            raise

    async def stop(self) -> None:
        """End it, and start it no more."""
        self._not_before = float("inf")
        if self._restart is not None:
            self._restart.cancel()
        life, parent = self._life, self._parent
        if life is not None:
            life.cancel()
            await asyncio.wait((life,))
        if parent is not None:
            await parent.ended()

    async def _send(self, control: socket.socket, request: bytes, output: tuple[int, int]) -> None:
        while True:
            try:
                socket.send_fds(control, [request], output)
            except OSError as error:
                if not isinstance(error, BlockingIOError) or not self._answers:  # such as an environment too large
                    raise CannotFork(f"its fork server takes no request: {error.strerror}") from error
            else:
                return
            await asyncio.wait((self._answers[0],))  # a crowd: with each answer there is room for another

    async def _serving(self) -> socket.socket:
        """Its control socket, once it has loaded what it is to load."""
        self.warm()
        if self._ready is None:
            raise CannotFork(self._reason)
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            self._not_before = self._loop.time() + HUNG_FOR_S
            if self._parent is not None:
                self._parent.kill()
            raise CannotFork(f"{self._modules} is not loaded after {LOAD_TIMEOUT_S:g} s") from None

    async def _live(self, ready: asyncio.Future[socket.socket]) -> None:
        """One parent from its start to its end."""
        control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control.setblocking(False)
        begun = self._loop.time()
        self._reason = "is being stopped"
        try:
            with its:
                self._parent = parent = await self._start(self._command(its), self._environment, its.fileno())
            self._loop.add_reader(control, self._read, control, ready)
            await parent.ended()
            self._reason = parent.reason
        except Exception as error:  # whatever it is: every instance can be started without this
            self._reason = str(error)
        finally:
            self._loop.remove_reader(control)
            control.close()
            if self._parent is not None:
                self._parent.kill()
            self._parent = self._life = self._ready = None
            self._refuse(ready)
        self._ended(self._loop.time() - begun, served=not ready.exception())

    def _command(self, control: socket.socket) -> list[str]:
        return [sys.executable, str(PROGRAM), str(control.fileno()), self._modules, ROOM_FOR_TITLE]

    def _read(self, control: socket.socket, ready: asyncio.Future[socket.socket]) -> None:
        """Take what it says: that it is ready, and then one answer for each request, in their order."""
        try:
            while data := control.recv(LARGEST_ANSWER):
                self._take(json.loads(data), control, ready)
        except BlockingIOError:
            return
        except ConnectionError:
            logger.debug("a fork server was killed with requests before it")
        self._loop.remove_reader(control)  # it has ended, which its process tells

    def _take(
        self, said: Mapping[str, int | str], control: socket.socket, ready: asyncio.Future[socket.socket]
    ) -> None:
        if "ready" in said:
            ready.set_result(control)
        elif "pid" in said:
            self._answers.popleft().set_result(int(said["pid"]))
        else:
            self._answers.popleft().set_exception(CannotFork(str(said["refused"])))
            if said["stale"] and self._parent is not None:
                self._parent.kill()  # the next one loads what is there now

    def _refuse(self, ready: asyncio.Future[socket.socket]) -> None:
        for future in (ready, *self._answers):
            if not future.done():
                future.set_exception(CannotFork(self._reason))
                future.exception()  # nobody need ask for it
        self._answers.clear()

    def _ended(self, lived_s: float, *, served: bool) -> None:
        pause = self._backoff.ended(lived_s) if served else self._backoff.failed()
        self._not_before = max(self._not_before, self._loop.time() + pause)
        if served:
            logger.info("the fork server with %s %s", self._modules, self._reason)
            self._restart = self._loop.call_later(pause, self.warm)
        else:
            logger.error("cannot preload %s, so starts are slow: the fork server %s", self._modules, self._reason)


def _end_unwanted(answer: asyncio.Future[int]) -> None:
    """An instance came into being after whoever wanted it had given up."""
    if not answer.cancelled() and answer.exception() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(answer.result(), signal.SIGKILL)


class ForkServers:
    """Fork servers by what they have loaded and were born with."""

    def __init__(self, start: StartParent) -> None:
        self._start = start
        self._servers: dict[tuple[tuple[str, ...], frozenset[tuple[str, str]]], ForkServer] = {}

    def of(self, modules: tuple[str, ...], environment: Mapping[str, str]) -> ForkServer:
        """The one that can stand for an interpreter started with `environment` that has imported `modules`."""
        born_with = frozenset((name, value) for name, value in environment.items() if BORN_WITH.fullmatch(name))
        server = self._servers.get((modules, born_with))
        if server is None:
            if not self._servers:
                adopt_orphans()
            server = self._servers[modules, born_with] = ForkServer(modules, dict(born_with), self._start)
        return server

    async def stop(self) -> None:
        """End them all."""
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
