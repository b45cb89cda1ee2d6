"""What Prometheus reads of the figures, in both of its formats."""

import re
import subprocess
import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from trackway.metrics import Histogram, Reading
from trackway.metrics.exposition import expose
from trackway.metrics.names import FUNCTION_DURATION, GATEWAY_CONNECTIONS, METRICS, STORE_OPERATIONS, Metric

UNITS = {"seconds", "bytes", "rows", "events"}
OPEN = "application/openmetrics-text; version=1.0.0"


def samples(readings: list[Reading], accept: str = "") -> dict[tuple[str, tuple[str, ...]], float]:
    body, media_type = expose(readings, accept)
    read = open_metrics if media_type.startswith("application/openmetrics-text") else plain
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in read(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", OPEN])
def test_a_counter_a_gauge_and_a_histogram_are_read_back(accept: str) -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    read = samples(
        [
            (STORE_OPERATIONS, ("append_positions", "ok"), 3),
            (GATEWAY_CONNECTIONS, (), 12),
            (FUNCTION_DURATION, ("persist", "events"), histogram),
        ],
        accept,
    )
    assert read["trackway_store_operations_total", ("append_positions", "ok")] == 3
    assert read["trackway_gateway_connections", ()] == 12
    name = FUNCTION_DURATION.name
    assert read[f"{name}_bucket", ("persist", "events", "0.1")] == 2, "a bound belongs to its bucket"
    assert read[f"{name}_bucket", ("persist", "events", "1.0")] == 3
    assert read[f"{name}_bucket", ("persist", "events", "+Inf")] == 4
    assert read[f"{name}_count", ("persist", "events")] == 4
    assert read[f"{name}_sum", ("persist", "events")] == pytest.approx(7.65)


def test_every_process_tells_its_own_memory_and_processor() -> None:
    read = samples([])
    assert read["process_resident_memory_bytes", ()] > 1e6
    assert ("process_cpu_seconds_total", ()) in read


def test_a_value_that_is_seen_several_times_counts_so_often() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(0.5, 16)
    assert (histogram.counts, histogram.sum) == ([16, 0], 8.0)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_open_metrics_and_prometheus_want_them(metric: Metric) -> None:
    assert re.fullmatch(r"trackway(_[a-z]+)+", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_info", "_created"))
    assert metric.help.endswith(".")
    if metric.kind == "histogram":
        assert metric.name.rpartition("_")[2] in UNITS
    assert not {"tenant", "vehicle", "trip", "device", "id", "event"} & set(metric.labels), "no label grows with use"


def test_no_two_metrics_have_the_same_name() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS) > 20


def test_what_counts_does_not_load_what_tells() -> None:
    """prometheus-client takes longer to load than a function to start."""
    program = (
        "import sys, trackway.functions.server, trackway.storage.measured; sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
