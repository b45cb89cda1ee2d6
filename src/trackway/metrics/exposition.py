"""Figures as Prometheus reads them, made by prometheus-client. Imported when somebody asks for the first time."""

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from trackway.metrics.figures import Histogram, Readings
from trackway.metrics.names import METRICS, Metric

PLAIN = "text/plain; version=0.0.4; charset=utf-8"


def expose(readings: Readings, accept: str = "") -> tuple[bytes, str]:
    """The readings, with the process's own figures, and their media type: OpenMetrics where ``accept`` asks for it."""
    encode, media_type = choose_encoder(accept)
    return encode(_Process(readings)), media_type


class _Process(Collector):
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Family]:
        yield from families(self._readings)
        yield from _PROCESS.collect()


_PROCESS = ProcessCollector(registry=None)


def families(readings: Readings) -> list[Family]:
    """The readings by metric, in the order of names.py; a metric that nothing was read of is left out."""
    made: dict[str, Family] = {}
    for metric, labels, value in readings:
        family = made.get(metric.name)
        if family is None:
            family = made[metric.name] = _family(metric)
        _add(family, labels, value)
    return [made[metric.name] for metric in METRICS if metric.name in made]


def _family(metric: Metric) -> Family:
    match metric.kind:
        case "counter":
            return CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
        case "gauge":
            return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        case "histogram":
            return HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)


def _add(family: Family, labels: tuple[str, ...], value: float | Histogram) -> None:
    match family, value:
        case HistogramMetricFamily(), Histogram():
            names = [*map(str, value.bounds), "+Inf"]
            family.add_metric(labels, list(zip(names, accumulate(value.counts), strict=True)), value.sum)
        case CounterMetricFamily() | GaugeMetricFamily(), int() | float():
            family.add_metric(labels, value)
        case _:
            raise TypeError(f"{family.name} is no metric for {value!r}")
