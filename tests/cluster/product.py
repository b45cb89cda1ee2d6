"""The product at a cluster's own addresses, as devices, dispatchers and pages use it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpx
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

NAMESPACE = "trackway"
DOMAIN = f"{NAMESPACE}.svc.cluster.local"
SOURCE = "/tests/cluster"
"""The source of events that the tests make up; what becomes of them is looked at by the test that does."""


class Reach(NamedTuple):
    """Where a cluster is asked: by its Services' own names, or, from outside, by ports that kubectl forwards."""

    ingress: str | None = None
    """What serves Knative Services by their Host; None where their names lead to it."""
    brokers: str = "http://broker-ingress.knative-eventing.svc.cluster.local"
    gateway: str = f"http://realtime-gateway.{DOMAIN}"


class Product:
    """Asks functions by way of Knative's activator and queue-proxy."""

    def __init__(self, reach: Reach) -> None:
        self.client = httpx.Client(timeout=60, trust_env=False)
        self._reach = reach

    def is_reached(self) -> bool:
        """Whether the gateway answers."""
        return self.client.get(f"{self._reach.gateway}/healthz").is_success

    def ask(self, method: str, service: str, path: str, **request: Any) -> httpx.Response:
        """Any answer of a Knative Service."""
        host = f"{service}.{DOMAIN}"
        headers = {"host": host, **request.pop("headers", {})}
        base = self._reach.ingress or f"http://{host}"
        return self.client.request(method, base + path, headers=headers, **request)

    def post(self, function: str, path: str, body: Any) -> Any:
        """The answer of a function to JSON, which has to be a good one."""
        answer = self.ask("POST", function, path, json=body)
        assert answer.is_success, f"{function} answered POST {path} with {answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, **params: str | int) -> Any:
        """The gateway's answer."""
        answer = self.client.get(self._reach.gateway + path, params=params)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def route(self) -> str:
        """The id of a drawn line of some 420 m; driven in under a minute, and in seconds of time-lapse."""
        points = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
        return self.post("plan", "/v1/routes", {"name": "Short", "points": points})["route_id"]

    def start_trip(self, vehicle: str, speed: float = 10, route: str | None = None, simulated: bool = True) -> str:
        """The id of a trip that is started."""
        body = {"route_id": route or self.route(), "vehicle_id": vehicle, "vehicle_name": vehicle}
        body |= {"simulated": simulated, "speed": speed if simulated else 1}
        return self.post("dispatch", "/v1/trips", body)["trip_id"]

    def is_finished(self, trip_id: str) -> bool:
        """Whether the trip is stored as finished."""
        return self.get(f"/v1/trips/{trip_id}")["trip"]["status"] == "finished"

    def sequence(self, trip_id: str) -> list[int]:
        """The numbers of the stored positions, by their time."""
        return [each["seq"] for each in self.get(f"/v1/trips/{trip_id}/positions", limit=1000)["positions"]]

    def has_each_position_once(self, trip_id: str) -> bool:
        """From the first tick to the arrival: none is missing, none there twice."""
        stored = self.get(f"/v1/trips/{trip_id}/positions", limit=1000)["positions"]
        whole = bool(stored) and [each["seq"] for each in stored] == list(range(len(stored)))
        return whole and stored[-1]["recorded_at"] == self.get(f"/v1/trips/{trip_id}")["trip"]["ended_at"]

    def emit(self, event: Mapping[str, str], data: bytes, broker: str = "default") -> int:
        """The status that a Broker answers to an event, whose attributes are given."""
        known = {"specversion": "1.0", "source": SOURCE, "tenant": "default", "partitionkey": "x"}
        headers = {f"ce-{name}": value for name, value in {**known, **event}.items()}
        url = f"{self._reach.brokers}/{NAMESPACE}/{broker}"
        return self.client.post(url, headers={**headers, "content-type": "application/json"}, content=data).status_code

    def dead_letters(self) -> list[dict[str, Any]]:
        """What nobody could handle."""
        return self.get("/v1/dead-letters", limit=500)["dead_letters"]

    def watch(self) -> Iterator[dict[str, Any]]:
        """The frames of a page's socket that watches everything, as they come."""
        gateway = self._reach.gateway
        with connect(f"{gateway.replace('http', 'ws', 1)}/v1/live", origin=Origin(gateway)) as socket:
            yield from _frames(socket)


def _frames(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    watch = {"kind": "watch", "box": None, "zoom": None, "vehicles": [], "trip": None, "resume": None}
    socket.send(json.dumps(watch))
    while True:
        yield json.loads(socket.recv(timeout=60))
