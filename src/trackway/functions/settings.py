"""Settings of a function's process, from the environment only.

A msgspec record rather than pydantic-settings: importing pydantic costs more than 100 ms of every cold start.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from os import environ
from typing import Final, Literal, Self

from msgspec import Struct

from trackway.events import DEFAULT_TENANT
from trackway.functions.address import SinkAddress, UnusableAddress, parse_address
from trackway.metrics import MetricsAddress, UnusableMetricsAddress, metrics_address


class InvalidSettings(ValueError):
    """A setting that cannot be used; names the variable and what it may be."""


_TRUE: Final = {"1", "true", "yes"}
PositionsBy = Literal["persist", "connect"]


class Settings(Struct, frozen=True, kw_only=True):
    """``store`` and ``streets`` say where data are, ``folder`` holds the functions, ``sink`` is where events are
    emitted to; HTTP requests belong to ``tenant`` until there is authentication. Days of trips are written to
    ``archive``, and forgotten by the store when they are ``keep_days`` old (None: never). Positions are stored by
    persist, or by Kafka Connect (connect/connectors/mongo-positions.json). Metrics are told at ``metrics``, if
    anywhere: only figures leave by it, so unlike ``host`` it need not be loopback."""

    store: str = "sqlite:///var/trackway.db"
    streets: str = "build/map/streets.json"
    folder: str = "functions"
    tenant: str = DEFAULT_TENANT
    host: str = "127.0.0.1"
    port: int = 8080
    sink: SinkAddress | None = None
    archive: str | None = None
    keep_days: int | None = None
    positions_by: PositionsBy = "persist"
    metrics: MetricsAddress | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = environ) -> Self:
        """Read ``TRACKWAY_STORE``, ``TRACKWAY_STREETS``, ``TRACKWAY_FUNCTIONS``, ``TRACKWAY_TENANT``,
        ``TRACKWAY_ARCHIVE``, ``TRACKWAY_KEEP_DAYS``, ``TRACKWAY_POSITIONS_BY``, ``TRACKWAY_HOST``, ``PORT``, ``K_SINK``
        and ``KNATIVE_LOCAL_SINK`` (which wins, since it takes batches), and what ``metrics_address`` reads. Raises
        InvalidSettings."""
        plain = {
            name: environment[variable]
            for name, variable in {
                "store": "TRACKWAY_STORE",
                "streets": "TRACKWAY_STREETS",
                "folder": "TRACKWAY_FUNCTIONS",
                "tenant": "TRACKWAY_TENANT",
                "archive": "TRACKWAY_ARCHIVE",
            }.items()
            if environment.get(variable)
        }
        return cls(
            **plain,
            keep_days=_keep_days(environment),
            positions_by=_positions_by(environment),
            host=_host(environment),
            port=_port(environment),
            sink=_sink(environment),
            metrics=_metrics(environment),
        )


def _host(environment: Mapping[str, str]) -> str:
    host = environment.get("TRACKWAY_HOST") or "127.0.0.1"
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        raise InvalidSettings(f"TRACKWAY_HOST={host!r} is not an IP address") from None
    if not loopback and environment.get("TRACKWAY_BEHIND_MESH", "").lower() not in _TRUE:
        raise InvalidSettings(
            f"TRACKWAY_HOST={host}: listening on anything but loopback is refused, since functions do not "
            "authenticate; in a cluster, where the mesh does, set TRACKWAY_BEHIND_MESH=1"
        )
    return host


def _metrics(environment: Mapping[str, str]) -> MetricsAddress | None:
    try:
        return metrics_address(environment)
    except UnusableMetricsAddress as error:
        raise InvalidSettings(str(error)) from None


def _keep_days(environment: Mapping[str, str]) -> int | None:
    text = environment.get("TRACKWAY_KEEP_DAYS") or ""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 36_500:
        raise InvalidSettings(f"TRACKWAY_KEEP_DAYS={text!r} is not a number of days (1 to 36500)")
    return int(text)


def _positions_by(environment: Mapping[str, str]) -> PositionsBy:
    by = environment.get("TRACKWAY_POSITIONS_BY") or "persist"
    if by == "persist":
        return by
    if by != "connect":
        raise InvalidSettings(f"TRACKWAY_POSITIONS_BY={by!r} is neither persist nor connect")
    from trackway.storage import MONGO  # noqa: PLC0415 - not every function needs a store

    if not environment.get("TRACKWAY_STORE", "").startswith(MONGO):
        raise InvalidSettings(
            "TRACKWAY_POSITIONS_BY=connect needs a TRACKWAY_STORE at mongodb://…, "
            "since Kafka Connect writes positions to no other"
        )
    return by


def _port(environment: Mapping[str, str]) -> int:
    text = environment.get("PORT") or "8080"
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise InvalidSettings(f"PORT={text!r} is not a port number (0 to 65535)")
    return int(text)


def _sink(environment: Mapping[str, str]) -> SinkAddress | None:
    for variable in ("KNATIVE_LOCAL_SINK", "K_SINK"):
        text = environment.get(variable)
        if text:
            try:
                return parse_address(text)
            except UnusableAddress as error:
                raise InvalidSettings(f"{variable}: {error}") from None
    return None
