"""Which log the runtime uses: the file in its state folder, or a Kafka cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from knative_local.log.port import EventLog
from knative_local.log.retention import Retention
from knative_local.log.sqlite import SqliteEventLog

_FILE = "log.db"
_SCHEME = "kafka://"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """`kafka` is the addresses of a cluster, `host:port` and more behind commas; without it the log is a file."""

    kafka: str | None = None
    retention: Retention = field(default_factory=Retention)


def kafka_servers(url: str) -> str | None:
    """The addresses in `kafka://host:port,host:port`; None when it is no such URL."""
    servers = url.removeprefix(_SCHEME)
    hosts = servers.rstrip("/").split(",")
    good = all(host and port.isdecimal() for host, _, port in (each.rpartition(":") for each in hosts))
    return ",".join(hosts) if url.startswith(_SCHEME) and good else None


def open_log(state: Path, options: LogOptions) -> EventLog:
    """Open the log of the state folder. Raises LogUnavailable."""
    path = state / _FILE
    if options.kafka is None:
        return SqliteEventLog.open(path, options.retention)
    from knative_local.log.kafka import KafkaEventLog  # noqa: PLC0415 - loaded only by those who use it

    return KafkaEventLog.open(options.kafka, path, options.retention)
