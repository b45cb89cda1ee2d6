"""Figures as Prometheus reads them, made by prometheus-client. Imported when somebody asks for the first time."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from knative_local.metrics.figures import Histogram, Reading
from knative_local.metrics.names import METRICS

_PROCESS = ProcessCollector(registry=None)
_KINDS = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}


def text_of(readings: Iterable[Reading]) -> str:
    """The readings, and the process's own figures, in Prometheus' text format."""
    return generate_latest(_Page(readings)).decode()


class _Page(Collector):
    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Family]:
        made: dict[str, CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily] = {}
        for metric, labels, value in self._readings:
            family = made.get(metric.name)
            if family is None:
                family = made[metric.name] = _KINDS[metric.kind](metric.name, metric.help, labels=metric.labels)
            if isinstance(family, HistogramMetricFamily):
                _add(family, labels, value)
            elif isinstance(value, Histogram):
                raise TypeError(f"{metric.name} is no histogram")
            else:
                family.add_metric(labels, value)
        yield from (made[metric.name] for metric in METRICS if metric.name in made)
        yield from _PROCESS.collect()


def _add(family: HistogramMetricFamily, labels: tuple[str, ...], value: float | Histogram) -> None:
    if not isinstance(value, Histogram):
        raise TypeError(f"{family.name} is a histogram")
    names = [*map(str, value.bounds), "+Inf"]
    family.add_metric(labels, list(zip(names, accumulate(value.counts), strict=True)), value.sum)
