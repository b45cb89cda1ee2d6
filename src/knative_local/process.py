"""Child processes of the runtime: watched until they are ready, and ended without leftovers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

from knative_local.addresses import TcpAddress
from knative_local.http1 import HttpClient, NotSent
from knative_local.http_types import TimedOut
from knative_local.process_log import ProcessLog
from knative_local.readiness import ReadySocket

HOST: Final = "127.0.0.1"
READY_POLL_S: Final = 0.005
READY_POLL_SLOW_S: Final = 0.05
READY_FAST_FOR_S: Final = 5.0
READY_POLL_OF_TELLING_S: Final = 1.0
REASON_LINES: Final = 6
LAST_WORDS_S: Final = 1.0
"""How long the pipes of a process that has ended are read when somebody else holds them open."""
LARGEST_READ: Final = 64 * 1024
FIRST: Final = asyncio.FIRST_COMPLETED
RUN_MARK: Final = "KNATIVE_LOCAL_RUN"


logger = logging.getLogger(__name__)


class StartError(Exception):
    """A process ended, or did not listen in time; the message says why in the words it wrote last."""


class Instance(Protocol):
    """A process that serves, as the activator and the Deployments see it."""

    on_availability: Callable[[bool], None] | None
    """Called when it shall get requests no more for a while, or again."""

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


@dataclass(slots=True)
class Program:
    """What is known of a command line: whether it tells when it is ready, so that it need not be asked."""

    tells: bool = False


class Child(ABC):
    """A running process in a session of its own, so that a terminal's Ctrl-C reaches only the runtime."""

    def __init__(self, port: int, client: HttpClient, log: ProcessLog, notice: ReadySocket, program: Program) -> None:
        self._program = program
        self._client = client
        self._log = log
        self._notice = notice
        self._address = TcpAddress(HOST, port)
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.on_availability: Callable[[bool], None] | None = None

    @property
    def address(self) -> TcpAddress:
        """Where it listens."""
        return self._address

    @property
    @abstractmethod
    def pid(self) -> int:
        """Its process id."""

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
        """Return when it says that it is ready, or when it listens; raises StartError."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            while not self._end.done():
                waited = loop.time() - started
                if waited > timeout:
                    raise StartError(f"does not listen on PORT={self._address.port} after {timeout:g} s")
                await asyncio.wait((self._end, self._notice.told), timeout=self._pause(waited), return_when=FIRST)
                if self._end.done():
                    break
                if self._notice.told.done():
                    self._program.tells = True
                    return
                with contextlib.suppress(NotSent, TimedOut):
                    await self._client.probe(self._address, loop.time() + 1)
                    return
            raise StartError(self.reason)
        finally:
            self._notice.close()

    def _pause(self, waited: float) -> float:
        if self._program.tells:
            return READY_POLL_OF_TELLING_S
        return READY_POLL_S if waited < READY_FAST_FOR_S else READY_POLL_SLOW_S

    async def ended(self) -> int:
        """Return its exit status once it has ended."""
        return await asyncio.shield(self._end)

    def when_ended(self, callback: Callable[[Child], None]) -> None:
        """Call `callback` with this process once it has ended."""
        self._end.add_done_callback(lambda _: callback(self))

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; returns when it is gone."""
        self._client.forget(self._address)
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            await asyncio.wait((self._end,), timeout=grace_s)
        self.kill()
        await asyncio.wait((self._end,))

    def kill(self) -> None:
        """SIGKILL, to it and what it started."""
        if not self._end.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _exited(self) -> None:
        """It has ended; what it started and left behind goes too, as that holds its pipes open."""
        self._client.forget(self._address)
        self.kill()

    def _over(self, code: int) -> None:
        """It has ended and everything that it wrote was read."""
        self._log.close()
        self._notice.close()
        if not self._end.done():
            self._end.set_result(code)


class ExecutedChild(Child, asyncio.SubprocessProtocol):
    """A process that was started from its program."""

    _transport: asyncio.SubprocessTransport

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._transport.get_pid()

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        """It wrote something."""
        self._log.write(fd, data if isinstance(data, bytes) else data.encode())

    def process_exited(self) -> None:
        """It has ended, and what it wrote is read.

        Its pipes may stay open for ever: an instance that a killed fork server was just making has left its session.
        """
        self._exited()
        asyncio.get_running_loop().call_later(LAST_WORDS_S, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended and everything that it wrote was read."""
        logger.debug("the process at %s is gone: %s", self._address, exc)
        self._transport.close()
        code = self._transport.get_returncode()
        self._over(-signal.SIGKILL if code is None else code)


class AdoptedChild(Child):
    """A process that was forked elsewhere and became the runtime's child."""

    def __init__(
        self,
        port: int,
        client: HttpClient,
        log: ProcessLog,
        notice: ReadySocket,
        program: Program,
        pid: int,
        output: tuple[int, int],
    ) -> None:
        """Owns `output`, the ends at which what it writes comes out. Raises OSError when there is no such process."""
        super().__init__(port, client, log, notice, program)
        self._loop = asyncio.get_running_loop()
        self._pid = pid
        self._code = 0
        self._handle = os.pidfd_open(pid)
        self._open = {self._handle, *output}
        self._loop.add_reader(self._handle, self._ended)
        for stream, descriptor in enumerate(output, 1):
            os.set_blocking(descriptor, False)
            self._loop.add_reader(descriptor, self._wrote, stream, descriptor)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    def _wrote(self, stream: int, descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, LARGEST_READ)
            if data:
                self._log.write(stream, data)
            else:
                self._close(descriptor)

    def _ended(self) -> None:
        self._exited()  # before its id is free for others
        result = os.waitid(os.P_PIDFD, self._handle, os.WEXITED)
        assert result is not None  # noqa: S101 it waits; narrows the type
        self._code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        self._close(self._handle)

    def _close(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self._open.discard(descriptor)
        if not self._open:
            self._over(self._code)


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
