"""Bytes on a connection to the ingress, in any pieces: whole answers, 2xx or 4xx, and nothing raised."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from atheris import FuzzedDataProvider

from knative_local.broker_classes import BROKER_CLASSES
from knative_local.cloudevent import CloudEvent
from knative_local.http1_server import Connection, HttpServer
from knative_local.ingress import Ingress
from knative_local.log.port import EventLog
from knative_local.loopback import refusal
from knative_local.model import Broker, Delivery
from knative_local.source import Source
from tests.fuzz.targets.requests import request, statuses_of


class Log:
    """Has everything at once."""

    def append(self, broker: str, events: Sequence[CloudEvent]) -> asyncio.Future[None]:
        done = LOOP.create_future()
        done.set_result(None)
        return done


class Wire(asyncio.Transport):
    """What a connection writes to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


def _servers() -> list[HttpServer]:
    async def make() -> list[HttpServer]:
        brokers = [
            Broker("town", name, Delivery(), Source(Path("town.yaml"), 1), each)
            for name, each in BROKER_CLASSES.items()
        ]
        ingress = Ingress(cast("EventLog", Log()), brokers)
        answers = [partial(ingress.accept, internal=internal) for internal in (False, True)]
        return [
            HttpServer(answers[0], largest_body=1_000, refuse=refusal),
            HttpServer(answers[1], largest_body=1_000),
        ]

    return LOOP.run_until_complete(make())


LOOP = asyncio.new_event_loop()
RAISED: list[dict[str, Any]] = []
LOOP.set_exception_handler(lambda _, context: RAISED.append(context))
SERVERS = _servers()


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    server = provider.PickValueInList(SERVERS)
    connection, wire = Connection(server), Wire()
    connection.connection_made(wire)
    said = b"".join(request(provider) for _ in range(provider.ConsumeIntInRange(1, 3)))
    while said and not wire.closed:
        size = provider.ConsumeIntInRange(1, len(said)) if provider.ConsumeBool() else len(said)
        connection.data_received(said[:size])
        said = said[size:]
        if provider.ConsumeBool():
            LOOP.run_until_complete(asyncio.sleep(0))
    LOOP.run_until_complete(asyncio.sleep(0))
    LOOP.run_until_complete(asyncio.sleep(0))
    if not wire.closed:
        connection.eof_received()
    connection.connection_lost(None)
    assert not RAISED, RAISED
    statuses_of(wire.written)
