"""A tracing that keeps its spans in memory, and samples what the test says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trackway.telemetry.trace_context import is_sampled
from trackway.telemetry.tracing import Kind


@dataclass
class FakeSpan:
    """A span; ``error`` is None while nothing failed."""

    name: str
    kind: Kind
    parent: str | None
    links: tuple[str, ...]
    attributes: dict[str, str | int]
    traceparent: str
    ended: int = 0
    error: str | None = None

    def note(self, name: str, value: str | int) -> None:
        self.attributes[name] = value

    def end(self, error: str | None = None) -> None:
        self.ended += 1
        self.error = error


@dataclass
class FakeTracing:
    """Records the children of sampled spans, and roots while ``samples_roots``."""

    service: str = "tested"
    samples_roots: bool = True
    spans: list[FakeSpan] = field(default_factory=list[FakeSpan])
    is_closed: bool = False

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None = None,
        *,
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
        start_ns: int | None = None,
    ) -> FakeSpan | None:
        if not (self.samples_roots if parent is None else is_sampled(parent)):
            return None
        number = len(self.spans) + 1
        trace = f"{number:032x}" if parent is None else parent[3:35]
        span = FakeSpan(name, kind, parent, tuple(links), dict(attributes or {}), f"00-{trace}-{number:016x}-01")
        self.spans.append(span)
        return span

    def close(self) -> None:
        self.is_closed = True
