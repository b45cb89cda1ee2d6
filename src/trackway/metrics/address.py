"""Where a process tells its metrics: an address of its own, so that nobody who may use a function reads them by it."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, NamedTuple

LENT: Final = "KNATIVE_LOCAL_METRICS"
"""The path of a Unix socket to make, from the local runtime, which gathers what all its instances tell."""

CHOSEN: Final = "TRACKWAY_METRICS"
"""``host:port`` to listen on: in a cluster a port that Prometheus scrapes."""


class UnusableMetricsAddress(ValueError):
    """An address that cannot be listened on; names the variable and what it may be."""


class MetricsAddress(NamedTuple):
    """Either ``host`` and ``port``, or the ``path`` of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""


def metrics_address(environment: Mapping[str, str]) -> MetricsAddress | None:
    """What the environment says; None where nobody wants to know. Raises UnusableMetricsAddress."""
    lent = environment.get(LENT)
    if lent:
        return MetricsAddress(path=lent)
    text = environment.get(CHOSEN)
    if not text:
        return None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
        if not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(port)
    except ValueError:
        raise UnusableMetricsAddress(f"{CHOSEN}={text!r} is not an address and a port, as 0.0.0.0:9102") from None
    return MetricsAddress(host, int(port))
