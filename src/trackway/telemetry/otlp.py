"""Spans to an OpenTelemetry collector, over OTLP/HTTP: the one module that loads OpenTelemetry.

Where to, what is sampled and how much is held are its SDK's own variables (``OTEL_EXPORTER_OTLP_*``,
``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_*``, ``OTEL_RESOURCE_ATTRIBUTES``). Sending is its thread's business; what a
collector that is away does not take is dropped.
"""

from collections.abc import Mapping, Sequence
from os import environ
from threading import Thread
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenTelemetrySpan

from trackway.telemetry.tracing import Kind

LONGEST_CLOSE: Final = 5.0
"""Seconds that sending the last spans may take."""

_KINDS: Final = {kind: SpanKind[kind.name] for kind in Kind}
_ROOT: Final = Context()


class OtlpSpan:
    """A span that is recorded."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: OpenTelemetrySpan) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def note(self, name: str, value: str | int) -> None:
        self._span.set_attribute(name, value)

    def end(self, error: str | None = None) -> None:
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OtlpTracing:
    """The spans of one process. To be made in the process itself and not before a fork, since a thread sends them."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._provider = TracerProvider(resource=Resource.create(_resource(service)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("trackway")

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None = None,
        *,
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
        start_ns: int | None = None,
    ) -> OtlpSpan | None:
        span = self._tracer.start_span(
            name,
            _ROOT if parent is None else set_span_in_context(NonRecordingSpan(_context(parent)), _ROOT),
            _KINDS[kind],
            attributes,
            [Link(_context(each)) for each in links],
            start_ns,
        )
        return OtlpSpan(span) if span.is_recording() else None

    def close(self) -> None:
        # A collector that is away is tried for longer than a process that is told to end has.
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(LONGEST_CLOSE)


def _resource(service: str) -> dict[str, str]:
    """What the spans are of; what the environment says of it counts."""
    said = {item.partition("=")[0].strip() for item in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")}
    if environ.get("OTEL_SERVICE_NAME"):
        said.add("service.name")
    own = {"service.name": service, "service.namespace": "trackway"}
    return {name: value for name, value in own.items() if name not in said}


def _context(traceparent: str) -> SpanContext:
    # By place: a later version may say more behind the flags.
    trace, span, flags = (int(traceparent[begin:end], 16) for begin, end in ((3, 35), (36, 52), (53, 55)))
    return SpanContext(trace, span, is_remote=True, trace_flags=TraceFlags(flags))
