"""Spans, as whoever makes them sees them: a port, so that nothing of a tracing library is loaded where nobody collects.

A span is None where sampling leaves it out; then nothing is added to any event either.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from os import environ
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from trackway.telemetry.otlp import OtlpTracing


class Kind(Enum):
    """What a span is to the spans around it, as OpenTelemetry has it."""

    INTERNAL = "internal"
    SERVER = "server"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """Something that is under way, and is recorded."""

    @property
    def traceparent(self) -> str:
        """What events carry that follow from it."""
        ...

    def note(self, name: str, value: str | int) -> None:
        """An attribute that is known only now."""
        ...

    def end(self, error: str | None = None) -> None:
        """It is over; ``error`` names the kind of its failure, never what was being worked on."""
        ...


class Tracing(Protocol):
    """Where a process's spans go."""

    @property
    def service(self) -> str:
        """The process's name, in the names of its spans."""
        ...

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None = None,
        *,
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
        start_ns: int | None = None,
    ) -> Span | None:
        """Begin a span, under ``parent`` (a valid traceparent) or as the root of a new trace; None if it is not
        sampled. ``start_ns`` is when it began, in nanoseconds since 1970, if that is past."""
        ...

    def close(self) -> None:
        """Send what has not been sent. Blocks, for five seconds at most."""
        ...


@contextmanager
def spanned(
    tracing: Tracing | None, name: str, kind: Kind, attributes: Mapping[str, str | int]
) -> Generator[str | None]:
    """While it lasts a span is under way, the root of a new trace, which fails with what is raised. Gives its
    traceparent; None where it is not recorded."""
    span = None if tracing is None else tracing.begin(name, kind, attributes=attributes)
    if span is None:
        yield None
        return
    error: str | None = None
    try:
        yield span.traceparent
    except Exception as raised:
        error = type(raised).__name__
        raise
    finally:
        span.end(error)


class TracingUnavailable(ValueError):
    """A collector is named but spans cannot be sent; says what to install."""


ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def is_wanted(environment: Mapping[str, str] = environ) -> bool:
    """Whether the environment names a collector for spans, by OpenTelemetry's own variables."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() not in {"", "otlp"}:
        return False
    return any(environment.get(name) for name in ENDPOINTS)


def open_tracing(service: str) -> Tracing | None:
    """Where the spans of the process ``service`` go, as ``OTEL_*`` variables of the environment say; None where they go
    nowhere. Raises TracingUnavailable."""
    return load()(service) if is_wanted() else None


def load() -> "type[OtlpTracing]":
    """What sends spans, loaded: 70 ms, for who wants them. Raises TracingUnavailable."""
    try:
        from trackway.telemetry.otlp import OtlpTracing  # noqa: PLC0415 - see above
    except ImportError as error:
        raise TracingUnavailable(
            f"{ENDPOINTS[1]} is set, but {error.name} is not installed: pip install 'trackway[otlp]', or unset it"
        ) from None
    return OtlpTracing
