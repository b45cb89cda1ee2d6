"""Posts CloudEvents to a broker as fast as it takes them, each request once the one before is answered.

One event a request in binary mode, or batches over the runtime's Unix socket. Prints a line of JSON.
"""

import argparse
import asyncio
import sys
import time
from array import array
from functools import partial
from typing import cast

import msgspec
import uvloop
from msgspec import Struct

ANSWER = b"HTTP/1.1 202 "
LONGEST_WAIT = 30.0


class Posted(Struct, frozen=True):
    """What came of it: events that were acknowledged, those answered otherwise, ``acks`` in ms (p50, p90, p99, max)."""

    seconds: float
    events: int
    refused: list[str]
    acks: list[float]

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


class Posts:
    """Requests, numbered over all connections; ``most`` events in all, or as many as fit into the time."""

    def __init__(self, path: str, batch: int, types: int, most: int) -> None:
        self.batch = max(batch, 1)
        self.posted = 0
        self._is_batch = batch > 0
        self._path = path.encode()
        self._types = types
        self._most = most

    def next(self) -> bytes | None:
        """The next request, or None when all were made."""
        if self._most and self.posted >= self._most:
            return None
        first = self.posted
        self.posted += self.batch
        if self._is_batch:
            body = b"[" + b",".join([self._event(number) for number in range(first, first + self.batch)]) + b"]"
            kind = b"content-type: application/cloudevents-batch+json\r\n"
        else:
            body = self._data(first)
            kind = (
                b"content-type: application/json\r\nce-specversion: 1.0\r\nce-id: e%d\r\nce-source: /bench\r\n"
                b"ce-type: bench.happened.%d\r\nce-time: 2026-01-01T00:00:00Z\r\nce-partitionkey: key-%d\r\n"
            ) % (first, first % self._types, first % 500)
        head = b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\n%bcontent-length: %d\r\n\r\n"
        return head % (self._path, kind, len(body)) + body

    def _event(self, number: int) -> bytes:
        return (
            b'{"specversion":"1.0","id":"e%d","source":"/bench","type":"bench.happened.%d","time":"2026-01-01T00:00:00Z"'
            b',"datacontenttype":"application/json","partitionkey":"key-%d","data":%b}'
        ) % (number, number % self._types, number % 500, self._data(number))

    @staticmethod
    def _data(number: int) -> bytes:
        return (
            b'{"vehicle_id":"key-%d","lat":-34.90123,"lng":-56.164532,"recorded_at":"2026-01-01T00:00:00.123Z",'
            b'"heading":90.0,"speed":12.345,"accuracy":5.0}'
        ) % (number % 500)


class Poster(asyncio.Protocol):
    """A connection that always has one request under way."""

    def __init__(self, posts: Posts, taken: "array[int]", refused: list[str]) -> None:
        self._posts = posts
        self._taken = taken
        self._refused = refused
        self._sent = 0
        self._transport: asyncio.Transport | None = None
        self.is_stopping = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        # A 202 has no body, and comes whole.
        if not data.startswith(ANSWER):
            self._refused.append(data[:500].decode(errors="replace"))
        else:
            self._taken.append(time.perf_counter_ns() - self._sent)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._refused.append(f"connection lost: {exc or 'closed by the other side'}")
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        request = None if self.is_stopping else self._posts.next()
        if request is not None:
            self._sent = time.perf_counter_ns()
            self._transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)


async def post(address: str, posts: Posts, connections: int, seconds: float) -> Posted:
    """Post until all is posted, or for so long."""
    loop = asyncio.get_running_loop()
    taken, refused = array("Q"), list[str]()
    begin = time.perf_counter()
    posters: list[Poster] = []
    for _ in range(connections):
        make = partial(Poster, posts, taken, refused)
        if address.startswith("/"):
            _, poster = await loop.create_unix_connection(make, address)
        else:
            host, _, port = address.rpartition(":")
            _, poster = await loop.create_connection(make, host, int(port))
        posters.append(poster)
    everything = asyncio.gather(*(poster.done for poster in posters))
    await asyncio.wait((everything,), timeout=seconds)
    for poster in posters:
        poster.is_stopping = True
    async with asyncio.timeout(LONGEST_WAIT):
        await everything
    elapsed = time.perf_counter() - begin
    ordered = sorted(taken)
    acks = [round(ordered[int(share * (len(ordered) - 1))] / 1e6, 3) for share in (0.5, 0.9, 0.99, 1)] if taken else []
    return Posted(elapsed, len(taken) * posts.batch, refused, acks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="127.0.0.1:PORT, or the path of a Unix socket")
    parser.add_argument("path", help="of the broker, as /broker/bench/default")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--batch", type=int, default=0, help="events a request; 0 is one in binary mode")
    parser.add_argument("--types", type=int, default=1, help="of events, taken in turn")
    parser.add_argument("--events", type=int, default=0, help="in all; 0 is as many as fit")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    if not options.address.startswith(("/", "127.0.0.1:")):
        parser.error("only an address of this machine is loaded")
    if not 1 <= options.connections <= 1000 or not 0 < options.seconds <= 600:
        parser.error("--connections is 1 to 1000, --seconds at most 600")
    posts = Posts(options.path, options.batch, options.types, options.events)
    posted = uvloop.run(post(options.address, posts, options.connections, options.seconds))
    print(msgspec.json.encode(posted).decode())
    return int(bool(posted.refused))


if __name__ == "__main__":
    sys.exit(main())
