"""Where metrics are told: which addresses there may be, and what is answered there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from trackway.metrics import MetricsAddress, UnusableMetricsAddress, metrics_address
from trackway.metrics.names import GATEWAY_CONNECTIONS
from trackway.metrics.serving import MetricsServer


@pytest.fixture
async def server() -> AsyncIterator[MetricsServer]:
    serving = MetricsServer(lambda: [(GATEWAY_CONNECTIONS, (), 7)])
    await serving.open(MetricsAddress("127.0.0.1", 0))
    yield serving
    serving.close()


async def ask(port: int, request: str) -> tuple[str, str]:
    """Head and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request}\r\nhost: x\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head, body


async def test_prometheus_gets_the_figures_in_the_format_that_it_asks_for(server: MetricsServer) -> None:
    head, body = await ask(server.port, "GET /metrics HTTP/1.1")
    assert head.startswith("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4")
    assert "\ntrackway_gateway_connections 7.0\n" in body
    head, body = await ask(
        server.port, "GET /metrics?x=1 HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0"
    )
    assert "content-type: application/openmetrics-text" in head
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [("GET / HTTP/1.1", 404), ("POST /metrics HTTP/1.1", 405), ("GET /metrics/other HTTP/1.1", 404), ("x", 404)],
)
async def test_nothing_else_is_there(server: MetricsServer, request_: str, status: int) -> None:
    head, body = await ask(server.port, request_)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "trackway" not in body


async def test_a_head_has_no_body(server: MetricsServer) -> None:
    head, body = await ask(server.port, "HEAD /metrics HTTP/1.1")
    assert "content-length: " in head
    assert body == ""


async def test_who_sends_too_much_or_hangs_up_is_let_go(server: MetricsServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"x" * 100_000)
    with suppress(ConnectionError):  # which is how it is seen where something was still on its way
        assert await reader.read() == b""
    writer.close()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.close()
    assert (await ask(server.port, "GET /metrics HTTP/1.1"))[0].startswith("HTTP/1.1 200")


async def test_the_local_runtime_asks_by_a_unix_socket(tmp_path: Path) -> None:
    serving = MetricsServer(lambda: [(GATEWAY_CONNECTIONS, (), 7)])
    path = str(tmp_path / "m.sock")
    await serving.open(MetricsAddress(path=path))
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b"trackway_gateway_connections 7.0" in await reader.read()
    writer.close()
    serving.close()


async def test_a_socket_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere" / "m.sock")
    with pytest.raises(OSError, match=f"cannot tell metrics on {path}: No such file"):
        await MetricsServer(list).open(MetricsAddress(path=path))


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot tell metrics on 127.0.0.1:{port}: Address already in use"):
            await MetricsServer(list).open(MetricsAddress("127.0.0.1", port))


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, None),
        ({"TRACKWAY_METRICS": ""}, None),
        ({"TRACKWAY_METRICS": "0.0.0.0:9102"}, MetricsAddress("0.0.0.0", 9102)),
        ({"TRACKWAY_METRICS": "[::]:9102"}, MetricsAddress("::", 9102)),
        ({"KNATIVE_LOCAL_METRICS": "/run/m1.sock"}, MetricsAddress(path="/run/m1.sock")),
        ({"KNATIVE_LOCAL_METRICS": "/a", "TRACKWAY_METRICS": "0.0.0.0:9102"}, MetricsAddress(path="/a")),
    ],
)
def test_the_environment_says_where(environment: dict[str, str], address: MetricsAddress | None) -> None:
    assert metrics_address(environment) == address


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TRACKWAY_METRICS", "9102"),
        ("TRACKWAY_METRICS", "localhost:9102"),
        ("TRACKWAY_METRICS", "0.0.0.0:99999"),
        ("TRACKWAY_METRICS", "0.0.0.0:http"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_its_name(variable: str, text: str) -> None:
    with pytest.raises(UnusableMetricsAddress, match=f"{variable}="):
        metrics_address({variable: text})
