"""Each panel of each dashboard shows something: a real Prometheus has scraped a real run, and is asked each query."""

import json
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.sync.client import connect

from monitoring.dashboards import DASHBOARDS
from monitoring.panels import Dashboard
from tests.integration.test_whole_way import finished, position_event, start_trip
from tests.running import Running, eventually
from tests.servers import prometheus

SPAN_S = 600
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ASKED = [(dashboard, panel, query) for dashboard in DASHBOARDS for _, row in dashboard.rows for panel in row
         for query in panel.queries]  # fmt: skip


@pytest.fixture(scope="module")
def url(trackway: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that has seen a trip, a page that reports ages, and a dead letter."""
    folder = tmp_path_factory.mktemp("prometheus")
    target = trackway.url.removeprefix("http://")
    with prometheus.running(folder, prometheus.job(target, "/_knative/metrics"), every_s=2) as running:
        drive(trackway)
        yield running


def drive(trackway: Running) -> None:
    with connect(trackway.url.replace("http", "ws") + "/v1/live", origin=trackway.url) as page:
        page.send(json.dumps({"kind": "watch"}))
        page.send(json.dumps({"kind": "ages", "ages_ms": [30, 45, 1200]}))
        attributes, data = position_event("lost", 91.2)
        headers = {f"ce-{name}": value for name, value in attributes.items()}
        trackway.client.post("/broker/trackway/default", headers=headers, json=data).raise_for_status()
        trip_id = start_trip(trackway, "dashboards-1", speed=5)
        eventually(lambda: finished(trackway, trip_id), within=90, what="the trip finished")


def newest(url: str, expression: str) -> list[str]:
    """The last value of each series that the expression had since the run began, as a dashboard's time range shows it;
    functions have gone to zero meanwhile."""
    now = time.time()
    asked = {"query": expression.replace("$__rate_interval", "1m"), "start": now - SPAN_S, "end": now, "step": 1}
    answer = httpx.get(f"{url}/api/v1/query_range", params=asked, trust_env=False, timeout=60).json()
    assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
    return [each["values"][-1][1] for each in answer["data"]["result"]]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_every_panel_returns_data(url: str, dashboard: Dashboard) -> None:
    for each, panel, query in ASKED:
        if each is dashboard:
            values = eventually(lambda query=query: newest(url, query.expression), what=f"{panel.title}: {query}")
            assert values


def test_what_is_shown_is_what_happened(url: str) -> None:
    assert newest(url, "sum(trackway_gateway_position_age_seconds_count)") == ["3"]
    stored = 'sum(trackway_store_written_rows_total{operation="append_positions"})'
    assert eventually(lambda: newest(url, f"{stored} > 5"))
    assert eventually(lambda: newest(url, "max(trackway:trigger_lag_events) >= 0"))


def test_the_dead_letter_raises_its_alert(url: str) -> None:
    eventually(lambda: newest(url, 'ALERTS{alertname="TrackwayDeadLetters",alertstate="firing"}'), what="the alert")


def test_rules_and_scrapes_are_without_errors(url: str) -> None:
    def targets() -> list[dict[str, str]]:
        return httpx.get(f"{url}/api/v1/targets", trust_env=False, timeout=30).json()["data"]["activeTargets"]

    rules = httpx.get(f"{url}/api/v1/rules", trust_env=False, timeout=30).json()["data"]["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} == {"ok"}
    eventually(lambda: [(each["health"], each["lastError"]) for each in targets()] == [("up", "")], what="a scrape")
