"""The runtime's own metrics, and how its instances' are put on the same page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from knative_local.http1 import HttpClient
from knative_local.metrics import names
from knative_local.metrics.exposition import text_of
from knative_local.metrics.figures import DeliveryFigures, Histogram, Reading
from knative_local.metrics.gathering import join
from knative_local.metrics.names import METRICS, Metric
from knative_local.metrics.page import MetricsPage, Told

ONE = """# HELP a_total What a is.
# TYPE a_total counter
a_total 1.0
a_total{b="x y"} 2.0
# HELP c_seconds How long.
# TYPE c_seconds histogram
c_seconds_bucket{le="+Inf"} 3.0
c_seconds_count 3.0
c_seconds_sum 0.5
"""


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_sample_gets_the_labels_of_who_told_it() -> None:
    read = samples(join(ONE, [(ONE, {"pod": 'he said "hi"'}), (ONE, {"pod": "two"})]))
    assert read["a_total",] == 1
    assert read["a_total", "pod=two"] == 1
    assert read["a_total", "b=x y", "pod=two"] == 2
    assert read["a_total", 'pod=he said "hi"'] == 1
    assert read["c_seconds_bucket", "le=+Inf", "pod=two"] == 3
    assert len(read) == 3 * 5


def test_a_family_is_in_one_piece_with_one_head() -> None:
    """Prometheus' format wants all lines of a metric as one group, with one TYPE."""
    lines = join(ONE, [(ONE, {"pod": "1"}), ("# TYPE z gauge\nz 1\n", {}), (ONE, {"pod": "2"})]).splitlines()
    assert [line for line in lines if line.startswith("# TYPE")] == [
        "# TYPE a_total counter",
        "# TYPE c_seconds histogram",
        "# TYPE z gauge",
    ]
    families = [line.split("{")[0].split(" ")[0].split("_")[0] for line in lines if not line.startswith("#")]
    assert families == ["a"] * 6 + ["c"] * 9 + ["z"]


def test_what_has_no_head_and_what_is_no_sample_hurts_nobody() -> None:
    read = samples(join("", [("alone 1\n\n#\n# a remark\n# EOF\nalone{} 2\n", {"pod": "p"})]))
    assert set(read) == {("alone", "pod=p")}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert metric.name.startswith("knative_local_")
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket"))
    assert metric.help.endswith(".")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")


def test_figures_are_read_back() -> None:
    figures = DeliveryFigures()
    figures.attempted(500, 0.02, "taken")
    figures.attempted(1, 0.3, "retried")
    readings: list[Reading] = [
        (names.TRIGGER_DURATION, ("ns", "t"), figures.attempts),
        *((names.TRIGGER_DELIVERIES, ("ns", "t", result), count) for result, count in figures.results.items()),
        (names.BROKER_EVENTS, ("ns", "b"), 7),
    ]
    read = samples(text_of(readings))
    of_t = "namespace=ns", "trigger=t"
    assert read["knative_local_trigger_delivered_events_total", "namespace=ns", "result=taken", "trigger=t"] == 500
    assert read["knative_local_trigger_delivery_duration_seconds_count", *of_t] == 2
    assert read["knative_local_trigger_delivery_duration_seconds_bucket", "le=0.025", *of_t] == 1
    assert read["knative_local_broker_events_total", "broker=b", "namespace=ns"] == 7
    assert read["process_resident_memory_bytes",] > 1e6


def test_a_figure_of_the_wrong_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="knative_local_broker_events"):
        text_of([(names.BROKER_EVENTS, ("ns", "b"), Histogram())])
    with pytest.raises(TypeError, match="is a histogram"):
        text_of([(names.TRIGGER_DURATION, ("ns", "b"), 1)])


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient()
    yield made
    await made.close()


async def instance(folder: Path, name: str, answer: bytes) -> tuple[asyncio.Server, Told]:
    """Something that answers so, whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    path = str(folder / name)
    return await asyncio.start_unix_server(serve, path), Told(path, {"pod": name})


def framed(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


async def test_one_page_has_the_runtime_and_all_instances_that_tell_something(
    tmp_path: Path, client: HttpClient
) -> None:
    answers = {
        "good": framed(ONE.encode()),
        "broken": b"no HTTP\r\n\r\n",
        "refusing": framed(b"no", b"404 Not Found"),
        "binary": framed(b"\xff\xfe"),
    }
    servers = [await instance(tmp_path, name, answer) for name, answer in answers.items()]
    gone = Told(str(tmp_path / "gone"), {"pod": "gone"})
    page = MetricsPage(
        lambda: [(names.BROKER_EVENTS, ("ns", "b"), 7)], lambda: [*(told for _, told in servers), gone], client
    )
    answer = await page.answer()
    for server, _ in servers:
        server.close()
    assert (answer.status, dict(answer.headers)[b"content-type"]) == (200, b"text/plain; version=0.0.4; charset=utf-8")
    read = samples(answer.body.decode())
    assert read["a_total", "pod=good"] == 1
    assert read["knative_local_broker_events_total", "broker=b", "namespace=ns"] == 7
    assert read["knative_local_unreadable_instances",] == 4
