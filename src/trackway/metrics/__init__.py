"""What is counted in the product's processes: the metrics' names, cheap figures, and how they are told to Prometheus.

The path of every event only adds to plain ints; everything else happens when somebody asks (``exposition.py``).
"""

from trackway.metrics.address import MetricsAddress, UnusableMetricsAddress, metrics_address
from trackway.metrics.figures import Counting, Histogram, Reading, Readings

__all__ = [
    "Counting",
    "Histogram",
    "MetricsAddress",
    "Reading",
    "Readings",
    "UnusableMetricsAddress",
    "metrics_address",
]
