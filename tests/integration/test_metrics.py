"""One scrape of one address tells of the runtime, of every function that runs, and of the gateway."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.test_whole_way import finished, start_trip
from tests.running import Running, eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def scraped(trackway: Running) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Samples by name, as labels and value."""
    answer = trackway.client.get("/_knative/metrics")
    assert answer.status_code == 200
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_what_a_trip_does_is_seen_in_one_scrape(trackway: Running) -> None:
    trip_id = start_trip(trackway, "metrics-1")
    eventually(lambda: finished(trackway, trip_id), what="the trip finished")
    now = scraped(trackway)
    functions = {labels["function"] for labels, _ in now["trackway_function_requests_total"]}
    assert functions >= {"dispatch", "simulate", "persist", "progress"}
    emitted = {labels["function"]: value for labels, value in now["trackway_function_emitted_events_total"]
               if labels["result"] == "accepted"}  # fmt: skip
    assert emitted["simulate"] > 3
    rows = {labels["operation"]: value for labels, value in now["trackway_store_written_rows_total"]}
    assert rows["append_positions"] > 3
    triggers = {labels["trigger"]: value for labels, value in now["knative_local_trigger_events_total"]}
    assert triggers["persist"] > 5
    assert {labels["pod"].rpartition("-")[0] for labels, _ in now["trackway_gateway_connections"]} == {
        "realtime-gateway"
    }
    assert now["trackway_gateway_events_total"]
    assert now["knative_local_broker_events_total"][0][1] > 5
    cold = {
        labels["service"]: value for labels, value in now["knative_local_service_cold_start_duration_seconds_count"]
    }
    assert cold["dispatch"] >= 1
    assert len(now["process_resident_memory_bytes"]) >= 6, "the runtime, four functions and the gateway"
    assert now["knative_local_unreadable_instances"] == [({}, 0.0)]
