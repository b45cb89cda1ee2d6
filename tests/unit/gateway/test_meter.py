"""What the gateway counts, asked as Prometheus asks."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from realtime_gateway.codecs import CODECS, Codec
from realtime_gateway.protocol import Ages, Box, Watch
from tests.running import free_port
from tests.unit.gateway.facts import finished, position, started
from tests.unit.gateway.serving import hear, say, serving
from trackway.storage import open_store

EVERYWHERE_ELSE: Box = (10.0, 10.0, 11.0, 11.0)


class Scraped:
    """A gateway that tells its metrics, and the last that it told."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    async def figures(self) -> dict[tuple[str, ...], float]:
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(self._url)).text
        return {
            (sample.name.removeprefix("trackway_gateway_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
def port() -> int:
    return free_port()


def telling(port: int) -> dict[str, str]:
    return {"metrics": f"127.0.0.1:{port}"}


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
async def test_sockets_and_frames_are_counted(port: int, codec: Codec) -> None:
    encoding = codec.subprotocol.rpartition(".")[2]
    async with serving(**telling(port)) as here:
        scraped = Scraped(port)
        async with here.socket(codec) as socket:
            await say(socket, Watch(), codec)
            await hear(socket, codec)
            now = await scraped.figures()
            assert now["connections",] == now["connections_opened_total",] == 1
            assert now["connections_limit",] == 1000
            await here.feed(position(second=1))
            await hear(socket, codec)
            now = await scraped.figures()
            assert now["frames_total", encoding] == 2
            assert now["frame_bytes_total", encoding] > 100
            assert now["vehicles",] == 1
        await here.settled()
        now = await scraped.figures()
        assert now["connections",] == 0
        assert now["connections_closed_total", "client"] == 1


async def test_a_socket_that_the_gateway_closes_is_counted_by_its_code(port: int) -> None:
    async with serving(**telling(port)) as here, here.socket() as socket:
        await socket.send("no watch")
        await socket.wait_closed()
        await here.settled()
        assert (await Scraped(port).figures())["connections_closed_total", "4400"] == 1


async def test_what_a_newer_change_replaced_is_counted_as_conflated(port: int) -> None:
    async with serving(**telling(port)) as here, here.socket() as socket, here.socket() as other:
        for each, watch in ((socket, Watch()), (other, Watch(box=EVERYWHERE_ELSE))):
            await say(each, watch)
            await hear(each)
        for second in range(10):
            await here.feed(position(second=second), position("van-2", second=second))
        await hear(socket)
        now = await Scraped(port).figures()
        assert (now["changes_total",], now["conflated_changes_total",]) == (20, 18)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.subprotocol)
async def test_ages_that_a_browser_reports_are_counted_once_in_a_while(port: int, codec: Codec) -> None:
    async with serving(**telling(port)) as here, here.socket(codec) as socket:
        await say(socket, Watch(), codec)
        await hear(socket, codec)
        for ages in ([20.0, 40.0, 3000.0], [60_000.0]):  # the second one comes too soon
            await socket.send(codec.ask(Ages(ages_ms=ages)))
        await say(socket, Watch(trip="unknown"), codec)
        await hear(socket, codec)  # the notice; so the reports before it are through
        now = await Scraped(port).figures()
        assert now["position_age_seconds_count",] == 3
        assert now["position_age_seconds_sum",] == pytest.approx(3.06)
        assert now["position_age_seconds_bucket", "0.025"] == 1
        assert (now["position_age_reports_total", "taken"], now["position_age_reports_total", "too_many"]) == (1, 1)


async def test_events_and_their_age_on_arrival_are_counted(port: int) -> None:
    async with serving(**telling(port)) as here:
        await here.feed(started(), position(second=1), finished())
        now = await Scraped(port).figures()
        assert now["events_total", "applied"] == 3
        assert now["events_total", "passed_over"] == 0
        assert now["position_arrival_age_seconds_count",] == 1
        assert now["trips", "finished"] == 1


async def test_requests_are_counted_by_the_template_of_their_path_only(port: int) -> None:
    async with serving(**telling(port)) as here:
        for path in ("/healthz", "/v1/trips/a", "/v1/trips/b", "/nowhere/at/all", "/map/none.pbf"):
            await here.http.get(path)
        await here.http.post("/feed", content=b"{")
        await here.http.request("TRACE", "/healthz")
        now = await Scraped(port).figures()
        assert now["requests_total", "200", "GET", "/healthz"] == 1
        assert now["requests_total", "404", "GET", "/v1/trips/{trip_id}"] == 2
        assert now["requests_total", "400", "POST", "/feed"] == 1
        assert now["request_duration_seconds_count", "/v1/trips/{trip_id}"] == 2
        routes = {key[3] for key in now if key[0] == "requests_total"}
        assert routes <= {"/healthz", "/v1/trips/{trip_id}", "/feed", "/map", "files"}, routes
        assert {key[2] for key in now if key[0] == "requests_total"} == {"GET", "POST", "other"}


async def test_the_page_that_people_reach_does_not_tell_figures(port: int) -> None:
    async with serving(**telling(port)) as here:
        assert "trackway_gateway" not in (await here.http.get("/metrics")).text


async def test_what_the_store_is_asked_is_told_with_it(port: int) -> None:
    async with serving(open_store("memory://"), **telling(port)) as here:
        await here.http.get("/v1/vehicles")
        assert (await Scraped(port).figures())["trackway_store_operations_total", "vehicles", "ok"] >= 1
