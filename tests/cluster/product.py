"""The product at a cluster's own addresses, as devices, dispatchers and pages use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from websockets import Origin
from websockets.sync.client import ClientConnection, connect

NAMESPACE = "trackway"
DOMAIN = f"{NAMESPACE}.svc.cluster.local"
GATEWAY = f"http://realtime-gateway.{DOMAIN}"
BROKER = f"http://broker-ingress.knative-eventing.svc.cluster.local/{NAMESPACE}/default"


class Product:
    """Asks functions by their Services' names, so by way of Knative's activator and queue-proxy."""

    def __init__(self) -> None:
        self.client = httpx.Client(timeout=60, trust_env=False)

    def post(self, function: str, path: str, body: Any) -> Any:
        """The answer of a function to JSON, which has to be a good one."""
        answer = self.client.post(f"http://{function}.{DOMAIN}{path}", json=body)
        assert answer.is_success, f"{function} answered POST {path} with {answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, **params: str | int) -> Any:
        """The gateway's answer."""
        answer = self.client.get(GATEWAY + path, params=params)
        assert answer.is_success, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def route(self) -> str:
        """The id of a drawn line of some 420 m; driven in under a minute, and in seconds of time-lapse."""
        points = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
        return self.post("plan", "/v1/routes", {"name": "Short", "points": points})["route_id"]

    def start_trip(self, vehicle: str, speed: float = 10, route: str | None = None) -> str:
        """The id of a trip that is started."""
        body = {"route_id": route or self.route(), "vehicle_id": vehicle, "vehicle_name": vehicle, "speed": speed}
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

    def emit(self, type: str, id: str, data: bytes) -> None:
        """Post an event to the Broker."""
        headers = {"ce-specversion": "1.0", "ce-id": id, "ce-source": "/tests/cluster", "ce-type": type}
        headers |= {"content-type": "application/json", "ce-tenant": "default", "ce-partitionkey": "x"}
        assert self.client.post(BROKER, headers=headers, content=data).status_code == 202

    def dead_letters(self) -> list[dict[str, Any]]:
        """What nobody could handle."""
        return self.get("/v1/dead-letters", limit=500)["dead_letters"]

    def watch(self) -> Iterator[dict[str, Any]]:
        """The frames of a page's socket that watches everything, as they come."""
        address = f"{GATEWAY.replace('http', 'ws', 1)}/v1/live"
        with connect(address, origin=Origin(GATEWAY)) as socket:
            yield from _frames(socket)


def _frames(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    watch = {"kind": "watch", "box": None, "zoom": None, "vehicles": [], "trip": None, "resume": None}
    socket.send(json.dumps(watch))
    while True:
        yield json.loads(socket.recv(timeout=60))
