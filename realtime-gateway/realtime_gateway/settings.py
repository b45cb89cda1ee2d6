"""The gateway's settings, from the environment only."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, HttpUrl, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from trackway.metrics import MetricsAddress, metrics_address
from trackway.metrics.address import CHOSEN, LENT
from trackway.search.port import check_address


class Settings(BaseSettings):
    """Environment variables in upper case after ``TRACKWAY_``, except ``PORT``, which the runtime gives."""

    model_config = SettingsConfigDict(env_prefix="TRACKWAY_", populate_by_name=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, validation_alias=AliasChoices("PORT", "port"))] = 8081
    behind_mesh: bool = False
    """Set by the container image: a mesh stands before the gateway and decides who gets in."""

    store: str = "sqlite:///var/trackway.db"
    tenant: str = "default"
    time_zone: str | None = None
    """IANA name of the zone whose midnight begins a day; the machine's where it is left out."""

    kafka: str | None = None
    """Addresses of the Kafka that the Broker keeps its events in, as ``host:port,…``: then they are read there; without
    it a Trigger posts them to ``/feed``."""
    kafka_topic: str = "knative-broker-trackway-default"
    kafka_stored_by: str = "knative-trigger-trackway-persist"
    """The consumer group of the Trigger that stores events: the store's picture has all that it is through with."""
    positions_by: Literal["persist", "connect"] = "persist"
    """Who stores positions: if Kafka Connect does, the store's picture has those that its group is through with."""
    kafka_positions_by: str = "connect-mongo-positions"

    elasticsearch: str | None = None
    """``http[s]://[user:password@]host[:port]`` of what Kafka Connect writes to; without it there is no search."""

    operations_url: HttpUrl | None = None
    """Address of the runtime's status document (``/_knative/status``)."""
    knative_local_url: Annotated[
        HttpUrl | None, Field(validation_alias=AliasChoices("KNATIVE_LOCAL_URL", "knative_local_url"))
    ] = None
    """Address of the local runtime, which gives it to its instances; its status is asked where no operations_url is
    set."""

    frontend: Path = Path("build/frontend")
    map: Path = Path("build/map")

    metrics: str = ""
    """``host:port`` where Prometheus finds what is counted; any address, since only figures leave by it."""
    knative_local_metrics: Annotated[
        str, Field(validation_alias=AliasChoices("KNATIVE_LOCAL_METRICS", "knative_local_metrics"))
    ] = ""
    """The Unix socket by which the local runtime reads it."""

    max_sockets: Annotated[int, Field(ge=1)] = 1000
    drain_seconds: Annotated[float, Field(ge=0)] = 0
    """At the gateway's end its sockets are told to come back one after the other, within so many seconds: they all come
    to the other gateways then."""
    origins: frozenset[str] = frozenset()
    """Pages of other hosts that may open the live socket, as a JSON array of ``https://host[:port]``."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError(
                    f"time zone {name!r} is not known; use an IANA name such as America/Montevideo"
                ) from None
        return name

    @field_validator("elasticsearch")
    @classmethod
    def _elasticsearch_address(cls, url: str | None) -> str | None:
        if url is not None:
            check_address(url)
        return url

    @model_validator(mode="after")
    def _loopback_only(self) -> "Settings":
        if not self.behind_mesh and not is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} is not a loopback address, and there is no authentication yet: listen on "
                "127.0.0.1, or set TRACKWAY_BEHIND_MESH=1 where a mesh decides who gets in"
            )
        return self

    @model_validator(mode="after")
    def _usable_metrics(self) -> "Settings":
        _ = self.metrics_address
        return self

    @property
    def metrics_address(self) -> MetricsAddress | None:
        """Where metrics are told, if anywhere. Raises UnusableMetricsAddress."""
        return metrics_address({CHOSEN: self.metrics, LENT: self.knative_local_metrics})

    @property
    def storing_groups(self) -> tuple[str, ...]:
        """The consumer groups that store what is in the topic."""
        by_connect = self.positions_by == "connect"
        return (self.kafka_stored_by, self.kafka_positions_by) if by_connect else (self.kafka_stored_by,)

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of ``time_zone``."""
        return None if self.time_zone is None else ZoneInfo(self.time_zone)

    @property
    def status_url(self) -> str | None:
        """Where the runtime tells its status, if anywhere."""
        if self.operations_url is not None:
            return str(self.operations_url)
        return None if self.knative_local_url is None else f"{str(self.knative_local_url).rstrip('/')}/_knative/status"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
