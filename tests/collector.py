"""An OpenTelemetry collector for the tests: takes spans over OTLP/HTTP, and keeps them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message


@dataclass(frozen=True)
class Span:
    """A span as it was told."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: frozenset[str]
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    is_error: bool


@dataclass
class Collector:
    """What was collected at ``url``."""

    url: str
    spans: list[Span] = field(default_factory=list[Span])

    def named(self, name: str) -> list[Span]:
        """Those of this name."""
        return [each for each in list(self.spans) if each.name == name]

    def above(self, span: Span) -> Span | None:
        """The parent of a span, once it has come: each process sends its own when it likes."""
        return next((each for each in list(self.spans) if (each.trace, each.id) == (span.trace, span.parent)), None)

    def below(self, span: Span) -> list[Span]:
        """The children of a span."""
        return [each for each in list(self.spans) if (each.trace, each.parent) == (span.trace, span.id)]

    def way_to_a_frame(self, root: Span) -> list[Span] | None:
        """From a root by whoever took its event to a frame, span by span, once it is there."""
        for taken in self.below(root):
            for frame in self.below(taken):
                if frame.name == "frame":
                    return [root, taken, frame]
        return None


@contextmanager
def collecting(host: str = "127.0.0.1", port: int = 0) -> Iterator[Collector]:
    """A collector on a port, by default a free one, of an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.spans.extend(_spans(ExportTraceServiceRequest.FromString(body)))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    collector = Collector(f"http://{host}:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for each in scope.spans:
                yield _span(service, each)


def _span(service: str, message: Message) -> Span:
    return Span(
        service=service,
        name=message.name,
        kind=Message.SpanKind.Name(message.kind).removeprefix("SPAN_KIND_"),
        trace=message.trace_id.hex(),
        id=message.span_id.hex(),
        parent=message.parent_span_id.hex(),
        links=frozenset(f"{link.trace_id.hex()}-{link.span_id.hex()}" for link in message.links),
        start_ns=message.start_time_unix_nano,
        end_ns=message.end_time_unix_nano,
        attributes=_values(message.attributes),
        is_error=message.status.code == 2,
    )


def _values(attributes: Any) -> dict[str, Any]:
    pairs: list[KeyValue] = list(attributes)
    return {pair.key: getattr(pair.value, str(pair.value.WhichOneof("value"))) for pair in pairs}
