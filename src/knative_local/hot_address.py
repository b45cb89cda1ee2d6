"""A Service's own listening socket, which its instances accept from: no hop for requests that come by the thousand.

The runtime listens while there is no instance, and starts one when somebody connects. An instance that knows this way
in asks for the socket over a Unix socket (`VARIABLE` in its environment names it). When it is told to stop, it gives
idle connections back here, where they wait for the next one; so scaling closes no connection that a client keeps.
`docs/knative-local.md` has the messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

from knative_local.backend import Lease, Unavailable
from knative_local.http1_answer import Date, encode_answer
from knative_local.http_types import TimedOut
from knative_local.problem import problem

VARIABLE: Final = "KNATIVE_LOCAL_LISTEN"
"""The variable that names the Unix socket (SOCK_SEQPACKET) at which an instance asks."""
HOST: Final = "127.0.0.1"
MOST_PARKED: Final = 4096
WAKE_WITHIN_S: Final = 60.0
ATTACH_WITHIN_S: Final = 10.0
LARGEST_MESSAGE: Final = 4096
MOST_DESCRIPTORS: Final = 200
REFUSED_AT_ONCE: Final = 256

logger = logging.getLogger(__name__)


class Woken(Protocol):
    """The instances of the Service."""

    @property
    def name(self) -> str:
        """For messages: kind and name."""
        ...

    async def acquire(self, deadline: float) -> Lease:
        """Wait for a place, waking an instance if there is none; raises Unavailable, TimedOut."""
        ...

    def report(self, concurrency: int, requests: int) -> None:
        """So many requests are under way that came in here, and so many ended since the last report."""
        ...


class HotAddress:
    """Serves one Service's listening socket, which has to listen already."""

    def __init__(self, service: Woken, listener: socket.socket, path: Path) -> None:
        """`path` is where instances ask; the file is this object's."""
        self._service = service
        self._listener = listener
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._attached: list[_Attached] = []
        self._parked: dict[socket.socket, None] = {}
        self._stirred: list[socket.socket] = []
        self._watching = False
        self._waking: asyncio.Task[None] | None = None
        self._arrival = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}"

    def lead_to(self, service: Woken) -> None:
        """From now on wake these instances, and tell them the load; those of before accept until they end, and give
        back what they have then."""
        if service is not self._service:
            self._service.report(0, 0)
            self._service = service
            self.reported()

    def begin(self) -> None:
        """Wait for connections and for instances from now on. Raises OSError."""
        self._listener.setblocking(False)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        self._control.bind(str(self._path))
        self._path.chmod(0o600)
        self._control.listen(64)
        self._loop.add_reader(self._control, self._ask)
        self._watch()

    async def stop(self) -> None:
        """Take no more connections, and close those that wait."""
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.wait((self._waking,))
        self._unwatch()
        self._loop.remove_reader(self._control)
        self._control.close()
        self._path.unlink(missing_ok=True)
        self._listener.close()
        for attached in self._attached:
            attached.close()
            for connection in attached.unconfirmed():
                connection.close()
        self._attached.clear()
        for connection in (*self._parked, *self._stirred):
            self._loop.remove_reader(connection)
            connection.close()

    # at zero

    def _watch(self) -> None:
        """Nobody accepts: notice who connects."""
        if not self._watching:
            self._watching = True
            self._loop.add_reader(self._listener, self._wake)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_reader(self._listener)

    def _wake(self) -> None:
        self._unwatch()
        if self._waking is None:
            self._waking = self._loop.create_task(self._start_instance())

    async def _start_instance(self) -> None:
        self._arrival.clear()
        lease: Lease | None = None
        try:
            lease = await self._service.acquire(self._loop.time() + WAKE_WITHIN_S)
            if not self._open():
                async with asyncio.timeout(ATTACH_WITHIN_S):
                    await self._arrival.wait()
        except (Unavailable, TimedOut) as error:
            self._refuse_waiting(str(error))
        except TimeoutError:
            self._refuse_waiting(f"{self._service.name} does not ask for its listening socket ({VARIABLE})")
        finally:
            self._waking = None
            if lease is not None:
                lease.release()
        if not self._open():
            self._watch()

    def _refuse_waiting(self, reason: str) -> None:
        """Tell those who have connected why nobody serves them."""
        logger.warning("%s: connections are refused: %s", self._service.name, reason)
        answer = encode_answer(problem(503, reason, 1.0), Date()(), close=True, head_only=False, old=False)
        waiting, self._stirred = self._stirred, []
        with contextlib.suppress(BlockingIOError, OSError):
            for _ in range(REFUSED_AT_ONCE):
                connection, _ = self._listener.accept()
                waiting.append(connection)
        for connection in waiting:
            with contextlib.suppress(OSError):
                connection.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    connection.recv(65_536)  # closing with something unread would reset the connection
                connection.send(answer)
            connection.close()

    # instances

    def _open(self) -> list[_Attached]:
        return [attached for attached in self._attached if not attached.leaving]

    def _ask(self) -> None:
        """An instance asks for the socket."""
        with contextlib.suppress(BlockingIOError):
            connection, _ = self._control.accept()
            connection.setblocking(False)
            attached = _Attached(self, connection, self._loop)
            if attached.give({"listener": 1}, [self._listener]):
                self._attached.append(attached)
                self._unwatch()
                self._arrival.set()
                self._hand_out()
            else:
                attached.close()

    def left(self, attached: _Attached) -> None:
        """An instance is about to end, or has ended: what it was given and has not got is somebody else's."""
        if attached.closed and attached in self._attached:
            self._attached.remove(attached)
        if attached.closed:  # before that, it may yet take them
            for connection in attached.unconfirmed():
                self.park(connection)
        self.reported()
        if not self._open():
            self._watch()

    def reported(self, requests: int = 0) -> None:
        """An instance has told its figures."""
        self._service.report(round(sum(attached.concurrency for attached in self._attached)), requests)

    # connections that an instance has given back

    def park(self, connection: socket.socket) -> None:
        """Hold a connection until its client says something."""
        connection.setblocking(False)
        if len(self._parked) >= MOST_PARKED:
            oldest = next(iter(self._parked))
            self._unpark(oldest)
            oldest.close()
        self._parked[connection] = None
        self._loop.add_reader(connection, self._stir, connection)

    def _unpark(self, connection: socket.socket) -> None:
        self._parked.pop(connection, None)
        self._loop.remove_reader(connection)

    def _stir(self, connection: socket.socket) -> None:
        """The client of a parked connection says something, or has gone."""
        self._unpark(connection)
        try:
            gone = not connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            self.park(connection)
            return
        except OSError:
            gone = True
        if gone:
            connection.close()
            return
        self._stirred.append(connection)
        self._hand_out()

    def _hand_out(self) -> None:
        """Give connections on which there is something to read to the instance that has the least to do."""
        while self._stirred:
            instances = self._open()
            if not instances:
                self._wake()
                return
            portion = self._stirred[:MOST_DESCRIPTORS]
            least = min(instances, key=lambda attached: attached.concurrency + len(attached.given))
            if not least.give({"connections": len(portion)}, portion):
                least.close()
                self.left(least)
                continue
            del self._stirred[: len(portion)]


class _Attached:
    """An instance that has the socket."""

    def __init__(self, address: HotAddress, connection: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.concurrency = 0.0
        self.leaving = False
        self.closed = False
        self.given: list[socket.socket] = []
        self._address = address
        self._connection = connection
        self._loop = loop
        loop.add_reader(connection, self._read)

    def give(self, message: dict[str, Any], sockets: Sequence[socket.socket]) -> bool:
        """Send a message with descriptors; False when it cannot be taken."""
        try:
            descriptors = [each.fileno() for each in sockets]
            socket.send_fds(self._connection, [json.dumps(message).encode()], descriptors)
        except OSError:
            return False
        if "connections" in message:
            self.given += sockets
        return True

    def unconfirmed(self) -> list[socket.socket]:
        """What it was given and did not say that it has; asked for once."""
        given, self.given = self.given, []
        return given

    def close(self) -> None:
        """Say no more."""
        if not self.closed:
            self.closed = True
            self.leaving = True
            self.concurrency = 0.0
            self._loop.remove_reader(self._connection)
            self._connection.close()

    def _read(self) -> None:
        while not self.closed:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._connection, LARGEST_MESSAGE, MOST_DESCRIPTORS)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            connections = [socket.socket(fileno=descriptor) for descriptor in descriptors]
            try:
                self._take(cast(dict[str, Any], json.loads(data or b"{}")), connections)
            except (ValueError, KeyError, TypeError) as error:
                logger.warning("an instance says on its hot address what cannot be read: %r", error)
                data = b""
            if not data:
                for connection in connections:
                    connection.close()
                self.close()
                self._address.left(self)

    def _take(self, said: dict[str, Any], connections: list[socket.socket]) -> None:
        if "took" in said:
            for connection in self.given[: int(said["took"])]:
                connection.close()  # the instance has a descriptor of its own
            del self.given[: int(said["took"])]
        elif "concurrency" in said:
            self.concurrency = float(said["concurrency"])
            self._address.reported(int(said["requests"]))
        elif "leaving" in said:
            self.leaving = True
            self.concurrency = 0.0
            self._address.left(self)
            self.give({"bye": 1}, [])
        for connection in connections:
            self._address.park(connection)


def listen(port: int, front_door: int) -> socket.socket:
    """A listening socket of 127.0.0.1; port 0 is the one behind the front door's, or any if that is taken.

    Raises OSError naming the port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind((HOST, port or front_door + 1))
        except (OSError, OverflowError):
            if port:
                raise
            listener.bind((HOST, 0))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"port {port} of a hot address cannot be used: {os.strerror(error.errno or 0)}"
        ) from None
    return listener
