"""The way from the dispatcher to whoever a Trigger names: finds, wakes and asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from knative_local import backend
from knative_local.backend import Backend, OutOfTime, Unavailable
from knative_local.front_door import Ingress
from knative_local.http1 import HttpClient
from knative_local.http_types import ConnectionFailed, HttpRequest, HttpResponse
from knative_local.kafka_sinks import KafkaSinks
from knative_local.model import Destination
from knative_local.names import INGRESS, Names, Target, UnknownName
from knative_local.problem import problem


class LocalSubscribers:
    """Implements `http_types.Subscribers` for what runs on this machine."""

    def __init__(
        self,
        names: Names,
        backends: Mapping[Target, Backend],
        client: HttpClient,
        ingress: Ingress,
        kafka_sinks: KafkaSinks,
    ) -> None:
        self._names = names
        self._backends = backends
        self._client = client
        self._ingress = ingress
        self._kafka_sinks = kafka_sinks
        self._known: dict[tuple[Destination, str], tuple[Target, str, bytes]] = {}

    def apply(self, names: Names) -> None:
        """Go by these names from now on."""
        self._names = names
        self._known.clear()

    async def send(
        self,
        destination: Destination,
        namespace: str,
        request: HttpRequest,
        timeout: float,  # noqa: ASYNC109 the interface's word for it
    ) -> HttpResponse:
        """Give `request` to `destination` (its path is the destination's), waking it from zero.

        A Service that cannot be started answers 503 and one that is too slow for its own timeoutSeconds 504, as
        Knative's activator and queue-proxy do. Raises ConnectionFailed, TimedOut.
        """
        target, path, host = self._find(destination, namespace)
        headers = [(b"host", host), *(pair for pair in request.headers if pair[0] != b"host")]
        onward = HttpRequest(request.method, path, headers, request.body)
        deadline = asyncio.get_running_loop().time() + timeout
        if target == INGRESS:
            return await self._ingress.receive(onward, internal=True)
        if target.kind == "kafka-sink":
            return await self._kafka_sinks.receive(target.key, onward)
        if target.address is not None:
            return await self._client.send(target.address, onward, deadline, repeatable=True)
        there = self._backends.get(target)
        if there is None:
            raise ConnectionFailed(f"there is no {target.kind} {target.key} any more")
        try:
            return await backend.send(there, self._client, onward, deadline)
        except Unavailable as error:
            if target.kind == "service":
                return problem(503, str(error), error.retry_after_s)
            raise ConnectionFailed(str(error)) from error
        except OutOfTime as error:
            return problem(504, str(error))

    def url_of(self, destination: Destination, namespace: str) -> str:
        """The URL that stands for `destination` in a dead letter's `knativeerrordest`."""
        return self._names.url_of(destination, namespace)

    def _find(self, destination: Destination, namespace: str) -> tuple[Target, str, bytes]:
        known = self._known.get((destination, namespace))
        if known is None:
            try:
                target, path = self._names.of_destination(destination, namespace)
            except UnknownName as error:
                raise ConnectionFailed(str(error)) from error
            host = self._names.url_of(destination, namespace).split("/")[2].encode()
            known = self._known[destination, namespace] = (target, path, host)
        return known
