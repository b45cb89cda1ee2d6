"""Spans and where they go: to a collector that OpenTelemetry's variables name, and nowhere at all without one."""

import builtins
import subprocess
import sys
from collections.abc import Iterator
from os import environ
from typing import Any

import pytest

from tests.collector import Collector, collecting
from trackway.telemetry import tracing
from trackway.telemetry.tracing import Kind, TracingUnavailable, is_wanted, open_tracing

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, NOT_SAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, and an environment that names it."""
    with collecting() as it:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", it.url)
        yield it


def test_spans_reach_the_collector_with_their_parents_links_and_attributes(collector: Collector) -> None:
    opened = open_tracing("persist")
    assert opened is not None
    root = opened.begin("tick", Kind.PRODUCER)
    assert root is not None
    child = opened.begin(
        "process persist", Kind.CONSUMER, root.traceparent, links=[SAMPLED], attributes={"count": 2}, start_ns=7
    )
    assert child is not None
    child.note("status", 503)
    child.end("StoreUnavailable")
    root.end()
    opened.close()
    told, above = collector.spans
    assert (above.service, above.name, above.kind, above.parent) == ("persist", "tick", "PRODUCER", "")
    assert root.traceparent == f"00-{above.trace}-{above.id}-03", "sampled, and the trace's id is random (level 2)"
    assert (told.trace, told.parent, told.kind, told.start_ns) == (above.trace, above.id, "CONSUMER", 7)
    assert told.links == {f"{TRACE}-{SPAN}"}
    assert told.attributes == {"count": 2, "status": 503, "error.type": "StoreUnavailable"}
    assert (told.is_error, above.is_error) == (True, False)


def test_who_began_a_trace_has_decided_and_else_the_sampler_does(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    opened = open_tracing("persist")
    assert opened is not None
    assert opened.begin("tick", Kind.PRODUCER) is None
    assert opened.begin("process persist", Kind.CONSUMER, NOT_SAMPLED) is None
    later_version = "01" + SAMPLED[2:] + "-what-comes"
    for sampled in (SAMPLED, later_version):
        span = opened.begin("process persist", Kind.CONSUMER, sampled, links=[sampled])
        assert span is not None
        span.end()
    opened.close()
    assert [(each.trace, each.parent, each.links) for each in collector.spans] == [
        (TRACE, SPAN, {f"{TRACE}-{SPAN}"})
    ] * 2


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_SERVICE_NAME", "mine"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,a=b")]
)
def test_the_environment_may_name_the_service(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    opened = open_tracing("persist")
    assert opened is not None
    span = opened.begin("tick", Kind.PRODUCER)
    assert span is not None
    span.end()
    opened.close()
    assert [each.service for each in collector.spans] == ["mine"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318", "OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_a_collector_has_to_be_named(environment: dict[str, str], wanted: bool) -> None:
    assert is_wanted(environment) is wanted


def test_without_a_collector_a_function_loads_nothing_of_opentelemetry() -> None:
    """The gateway's FastAPI loads its interface wherever that is installed, and makes nothing of it."""
    program = """
import sys
import trackway.functions.__main__, trackway.functions.server, trackway.functions.warm
from trackway.telemetry.tracing import open_tracing
assert open_tracing("persist") is None
print([name for name in sys.modules if name.startswith(("opentelemetry", "google.protobuf", "requests"))])
"""
    bare = {name: value for name, value in environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=bare, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_package_is_named_with_the_remedy(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("trackway.telemetry.otlp"):
            raise ModuleNotFoundError("No module named 'opentelemetry'", name="opentelemetry")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TracingUnavailable, match=r"opentelemetry is not installed: pip install 'trackway\[otlp\]'"):
        tracing.open_tracing("persist")
