"""What the manifests say, as plain records: the part of each Knative and Istio kind that runs on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from knative_local.broker_classes import IN_MEMORY_CHANNEL, KAFKA, BrokerClass
from knative_local.filters import EVERYTHING, Filter
from knative_local.label_selectors import Selector
from knative_local.routing_model import VirtualService
from knative_local.serving_model import ALL_TO_LATEST, DEFAULT_SCALING, NO_PROBES, Probes, Scaling, TrafficTarget
from knative_local.source import Source

BackoffPolicy = Literal["linear", "exponential"]
Format = Literal["binary", "json"]


@dataclass(frozen=True, slots=True)
class Ref:
    """An object by kind and name; `namespace` is filled in when the manifest leaves it out."""

    kind: str
    namespace: str
    name: str
    api_version: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Destination:
    """Who receives: `ref`, `uri`, or both (then `uri` is a path relative to the ref's address)."""

    ref: Ref | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How often, how patiently and where to in the end; seconds. `retry` N is N + 1 attempts.

    `retry_after_max` is the longest wait that a 429's or 503's `Retry-After` may ask for (the longer of it and the
    backoff is waited); None or 0: that header has no effect. `format` json is structured mode.
    """

    retry: int = 0
    backoff_policy: BackoffPolicy = "exponential"
    backoff_delay: float = 0.2
    timeout: float = 600.0
    dead_letter_sink: Destination | None = None
    retry_after_max: float | None = None
    format: Format = "binary"


@dataclass(frozen=True, slots=True)
class Broker:
    """Takes events in and hands them to its Triggers."""

    namespace: str
    name: str
    delivery: Delivery
    source: Source = field(compare=False)
    broker_class: BrokerClass = KAFKA

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among Brokers."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Channel:
    """Takes events in and hands each to all of its Subscriptions; `delivery` is for those that have none."""

    kind: Literal["Channel", "InMemoryChannel"]
    namespace: str
    name: str
    delivery: Delivery
    source: Source = field(compare=False)
    broker_class: BrokerClass = IN_MEMORY_CHANNEL

    @property
    def key(self) -> str:
        """`channel/<namespace>/<name>`, the name of its log."""
        return f"channel/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Flow:
    """A Sequence or Parallel: made of channels and Subscriptions, and reached by its first channel (its key)."""

    kind: Literal["Sequence", "Parallel"]
    namespace: str
    name: str
    channel: str
    source: Source


@dataclass(frozen=True, slots=True)
class Trigger:
    """Sends a Broker's events that pass `filter` to `subscriber`.

    With `channel`, the key of a channel's log, it is a Subscription: replies go to `reply`, or to nobody.

    `delivery` is the Trigger's own or else its Broker's; `broker_class` is its Broker's, which is in
    `broker_namespace` (the Trigger's own when empty). `ordered`: events of one `partitionkey` go one after the other.
    `batch` is the most events of one delivery, or None for one event per request as on a cluster; `linger` (seconds)
    is how long a batch may wait to fill.
    """

    namespace: str
    name: str
    broker: str
    subscriber: Destination
    delivery: Delivery
    source: Source = field(compare=False)
    filter: Filter = EVERYTHING
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    batch: int | None = None
    linger: float = 0.0
    broker_class: BrokerClass = KAFKA
    broker_namespace: str = ""
    ordered: bool = False
    channel: str = ""
    reply: Destination | None = None

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among Triggers; of a Subscription `subscription/<namespace>/<name>`."""
        return f"{'subscription/' if self.channel else ''}{self.namespace}/{self.name}"

    @property
    def broker_key(self) -> str:
        """The key of its Broker or channel, which is the name of the log that it reads."""
        return self.channel or f"{self.broker_namespace or self.namespace}/{self.broker}"


@dataclass(frozen=True, slots=True)
class EnvVar:
    """One variable of a container: `value`, or a `key` of a ConfigMap or Secret `ref` (`optional`: may be missing)."""

    name: str
    value: str = ""
    ref: Ref | None = None
    key: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EnvFrom:
    """All entries of a ConfigMap or Secret as variables, each name after `prefix`."""

    ref: Ref
    prefix: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """The process: `command` + `args` are its argument list; `port` is what the manifest says, a hint only."""

    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    image: str = ""
    port: int | None = None
    port_name: str = ""


@dataclass(frozen=True, slots=True)
class KnService:
    """A Knative Service as one of its revisions has it: instances from zero on.

    `concurrency` is containerConcurrency (0: unbounded); timeouts in seconds, of which 0 is none. `preload`: modules
    that its instances find imported. `listen`: a port of this machine whose connections they take themselves
    (hot_address.py), 0 for the one behind the front door's. `template` is what the revision was made from.
    """

    namespace: str
    name: str
    container: Container
    source: Source
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    concurrency: int = 0
    timeout_seconds: float = 300.0
    response_start_timeout_s: float = 0.0
    idle_timeout_s: float = 0.0
    scaling: Scaling = DEFAULT_SCALING
    probes: Probes = NO_PROBES
    preload: tuple[str, ...] = ()
    listen: int | None = None
    revision: str = ""
    traffic: tuple[TrafficTarget, ...] = ALL_TO_LATEST
    template: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among Knative Services."""
        return f"{self.namespace}/{self.name}"

    @property
    def revision_name(self) -> str:
        """Its template's own name, or that of a first revision."""
        return self.revision or f"{self.name}-00001"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A process that always runs; `labels` are its Pod template's, which core Services select by, `own_labels` those
    of the object itself, which SinkBindings select by."""

    namespace: str
    name: str
    container: Container
    source: Source
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    replicas: int = 1
    own_labels: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among Deployments."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a core Service; `target` is a container port's number or name, or None for the same number."""

    port: int
    name: str = ""
    target: int | str | None = None


@dataclass(frozen=True, slots=True)
class CoreService:
    """A v1 Service: the address of the Deployment whose labels its `selector` matches."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """Named texts."""

    namespace: str
    name: str
    data: Mapping[str, str]
    source: Source


@dataclass(frozen=True, slots=True)
class Secret:
    """Named texts that are not shown; `data` is decoded already."""

    namespace: str
    name: str
    data: Mapping[str, str] = field(repr=False)
    source: Source


@dataclass(frozen=True, slots=True)
class SinkBinding:
    """Gives the address of `sink` as `K_SINK` to a subject, named or (all of its kind) chosen by labels.

    `overrides` are the extensions that its events are to carry, or None when there are no `ceOverrides`.
    """

    namespace: str
    name: str
    subject_kind: str
    subject_name: str | None
    sink: Destination
    source: Source
    subject_namespace: str = ""
    selector: Selector = field(default_factory=Selector)
    overrides: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PingSource:
    """Sends an event with the same `data` to `sink` whenever `schedule` (as cron writes it, in `timezone`) says so."""

    namespace: str
    name: str
    schedule: str
    timezone: str
    content_type: str
    data: bytes | None
    sink: Destination
    source: Source = field(compare=False)
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among PingSources."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class JobSink:
    """Runs a process for each event that comes in, until one ends with status 0: `backoff_limit` is how often again.

    Seconds: `deadline_s` for all of its attempts together, `keep_s` until a Job that has ended is forgotten.
    """

    namespace: str
    name: str
    container: Container
    source: Source = field(compare=False)
    backoff_limit: int = 6
    deadline_s: float | None = None
    keep_s: float | None = None

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among JobSinks."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class KafkaSink:
    """Writes each event to a Kafka topic of its own. `servers` as `host:port,…`; the topic is made if it is not there
    and `partitions` and `replicas` are known."""

    namespace: str
    name: str
    servers: str
    topic: str
    source: Source = field(compare=False)
    structured: bool = True
    partitions: int | None = None
    replicas: int | None = None

    @property
    def key(self) -> str:
        """`<namespace>/<name>`, unique among KafkaSinks."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """An object of a kind that is not served here."""

    kind: str
    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that was read, checked against each other; `files` are those that it was read from."""

    brokers: tuple[Broker, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    services: tuple[KnService, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    core_services: tuple[CoreService, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()
    sink_bindings: tuple[SinkBinding, ...] = ()
    channels: tuple[Channel, ...] = ()
    flows: tuple[Flow, ...] = ()
    ping_sources: tuple[PingSource, ...] = ()
    job_sinks: tuple[JobSink, ...] = ()
    kafka_sinks: tuple[KafkaSink, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    files: frozenset[Path] = frozenset()
