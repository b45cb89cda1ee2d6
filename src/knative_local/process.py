"""One child process of the runtime: started with a free port, watched until it listens, ended without leftovers."""

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
from pathlib import Path
from typing import Final, Protocol, cast

from knative_local.addresses import TcpAddress
from knative_local.http1 import HttpClient, NotSent
from knative_local.http_types import TimedOut
from knative_local.process_log import ProcessLog

HOST: Final = "127.0.0.1"
READY_POLL_S: Final = 0.005
READY_POLL_SLOW_S: Final = 0.05
READY_FAST_FOR_S: Final = 5.0
REASON_LINES: Final = 6
# Below the range from which systems take ports for outgoing connections, so that none of those can be in the way.
PORTS: Final = range(18000, 30000)
RUN_MARK: Final = "KNATIVE_LOCAL_RUN"
_PR_SET_PDEATHSIG: Final = 1


logger = logging.getLogger(__name__)


class StartError(Exception):
    """A process ended, or did not listen in time; the message says why in the words it wrote last."""


class Instance(Protocol):
    """A process that serves, as the activator and the Deployments see it."""

    @property
    def address(self) -> TcpAddress:
        """Where it listens."""
        ...

    @property
    def reason(self) -> str:
        """How it ended, with its last words."""
        ...

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109 what is waited for is part of the meaning
        """Return when it listens; raises StartError."""
        ...

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        ...

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; returns when it is gone."""
        ...

    def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        ...


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


class ChildProcess(asyncio.SubprocessProtocol):
    """A running process in a session of its own, so that a terminal's Ctrl-C reaches only the runtime."""

    _transport: asyncio.SubprocessTransport

    def __init__(self, port: int, client: HttpClient, log: ProcessLog) -> None:
        self._client = client
        self._log = log
        self._address = TcpAddress(HOST, port)
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def address(self) -> TcpAddress:
        """Where it listens."""
        return self._address

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._transport.get_pid()

    @property
    def reason(self) -> str:
        """How it ended, with its last words."""
        if not self._end.done():
            how = "is running"
        elif (code := self._end.result()) < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with status {code}"
        words = " | ".join(list(self._log.last)[-REASON_LINES:])
        return f"{how}: {words}" if words else f"{how} without a word"

    async def ready(self, timeout: float) -> None:  # noqa: ASYNC109 what is waited for is part of the meaning
        """Return when it listens; raises StartError."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while not self._end.done():
            waited = loop.time() - started
            if waited > timeout:
                raise StartError(f"does not listen on PORT={self._address.port} after {timeout:g} s")
            with contextlib.suppress(NotSent, TimedOut):
                await self._client.probe(self._address, loop.time() + 1)
                return
            await asyncio.wait((self._end,), timeout=READY_POLL_S if waited < READY_FAST_FOR_S else READY_POLL_SLOW_S)
        raise StartError(self.reason)

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        return await asyncio.shield(self._end)

    def when_ended(self, callback: Callable[[ChildProcess], None]) -> None:
        """Call `callback` with this process once it has ended."""
        self._end.add_done_callback(lambda _: callback(self))

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; returns when it is gone."""
        self._client.forget(self._address)
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError):
                self._transport.terminate()
            await asyncio.wait((self._end,), timeout=grace_s)
        self.kill()
        await asyncio.wait((self._end,))

    def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """It wrote something."""
        self._log.write(fd, data if isinstance(data, bytes) else data.encode())

    def process_exited(self) -> None:
        """It has ended; what it started and left behind goes too, as that holds its pipes open."""
        self._client.forget(self._address)
        self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended and everything that it wrote was read."""
        logger.debug("the process at %s is gone: %s", self._address, exc)
        self._log.close()
        self._transport.close()
        if not self._end.done():
            code = self._transport.get_returncode()
            self._end.set_result(-signal.SIGKILL if code is None else code)


class Launcher:
    """Starts processes in the project's folder."""

    def __init__(self, root: Path, state: Path, client: HttpClient) -> None:
        self._root = root
        self._logs = state / "log"
        self._mark = run_mark(state)
        self._client = client
        self._before = _end_with_parent()
        self._running: set[ChildProcess] = set()

    async def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> ChildProcess:
        """Start `argv` with PORT set to a free port; raises StartError when it cannot."""
        log: ProcessLog | None = None
        try:
            port = _ports.free()
            log = opened = ProcessLog(name, self._logs / f"{name}.log")
            _, child = await asyncio.get_running_loop().subprocess_exec(
                lambda: ChildProcess(port, self._client, opened),
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self._root,
                env={**environment, "PORT": str(port), RUN_MARK: self._mark},
                start_new_session=True,
                preexec_fn=self._before,
            )
        except OSError as error:
            if log is not None:
                log.close()
            raise StartError(f"cannot start {argv[0]}: {error.strerror or error}") from error
        self._running.add(child)
        child.when_ended(self._running.discard)
        return child

    def kill_all(self) -> None:
        """SIGKILL to every process that is still there."""
        for child in list(self._running):
            child.kill()


def run_mark(state: Path) -> str:
    """What every process of the runtime with this state folder carries in its environment."""
    return str(state.resolve())


def end_leftovers(state: Path) -> int:
    """Kill processes that an earlier runtime with this state folder left behind, and say how many (Linux only).

    Only what processes started themselves can be left: the kernel ends the processes of a runtime that is killed.
    """
    wanted = f"{RUN_MARK}={run_mark(state)}".encode()
    killed = 0
    for entry in Path("/proc").glob("[0-9]*/environ"):
        pid = int(entry.parent.name)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and wanted in entry.read_bytes().split(b"\0"):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed
