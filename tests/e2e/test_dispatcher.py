"""A dispatcher at the page, in a real browser: starts a trip by clicking, sees the vehicle move and the trip finish."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import ROOT, Running, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SCREENSHOTS = ROOT / "build/screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        # For laptops alone: with CI=true a skip is a failure (tests/conftest.py).
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM=/path/to/it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains about on the page, which fails the test."""
    return []


@pytest.fixture
def page(browser: Browser, trackway: Running, complaints: list[str]) -> Iterator[Page]:
    """The page in Portuguese, as the product speaks first."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="pt-BR")
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(trackway.url)
    yield page
    context.close()
    assert not complaints


def place(page: Page, vehicle: str) -> tuple[float, float] | None:
    """Where a vehicle is drawn now, in pixels, by the page's own probe."""
    found = page.evaluate(
        "name => window.__trackway?.vehicles().find(v => v.vehicle_id === name) ?? null",
        vehicle,
    )
    return None if found is None else (found["x"], found["y"])


def shot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_a_trip_started_by_clicking_moves_and_finishes(page: Page, trackway: Running) -> None:
    trackway.post(
        "/v1/routes",
        {"name": "Até a esquina", "points": [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]},
    )
    page.get_by_role("button", name="Iniciar a corrida").first.click()
    panel = page.get_by_test_id("start-panel")
    panel.get_by_role("radio", name="Até a esquina").check()
    panel.get_by_label("Veículo").fill("Van do teste")
    panel.get_by_role("button", name="×5", exact=True).click()
    panel.get_by_test_id("start-submit").click()

    row = page.get_by_role("row", name="Van do teste")
    expect(row).to_be_visible(timeout=20_000)
    trip = trackway.get("/v1/trips", limit=1)["trips"][0]["trip"]
    assert trip["vehicle_name"] == "Van do teste"
    assert trip["speed"] == 5

    first = eventually(lambda: place(page, trip["vehicle_id"]), what="the vehicle on the map")
    eventually(
        lambda: (now := place(page, trip["vehicle_id"])) is not None and abs(now[0] - first[0]) > 5,
        what="the marker moving",
    )
    shot(page, "trip-underway")
    panel = page.get_by_role("complementary", name="Van do teste")
    expect(panel.get_by_test_id("trip-status")).to_have_text("Concluída", timeout=90_000)
    assert trackway.get(f"/v1/trips/{trip['trip_id']}")["trip"]["status"] == "finished"
    shot(page, "trip-finished")


def test_a_reload_in_the_middle_shows_all_vehicles_where_they_are(page: Page, trackway: Running) -> None:
    names = [f"reload-{number}" for number in range(4)]
    routes = [route["route_id"] for route in trackway.get("/v1/routes")["routes"] if "Brasília" not in route["name"]]
    trips = [
        trackway.post("/v1/trips", {"route_id": route, "vehicle_id": name, "vehicle_name": name})["trip_id"]
        for name, route in zip(names, routes, strict=False)
    ]

    def all_shown() -> bool:
        return all(place(page, name) for name in names)

    eventually(all_shown, what="all vehicles on the map")
    page.reload()
    eventually(all_shown, what="all vehicles on the map after a reload")
    for name in names:
        expect(page.get_by_role("row", name=name)).to_be_visible()
    shot(page, "fleet")
    for trip in trips:
        trackway.post(f"/v1/trips/{trip}/cancel", {})


def test_the_operations_page_shows_functions_and_a_dead_letter_with_its_reason(page: Page, trackway: Running) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "e2e-bad",
        "ce-source": "/test",
        "ce-type": "dev.trackway.position.recorded.v1",
        "ce-partitionkey": "van-bad",
    }
    data = {"vehicle_id": "van-bad", "lat": 91.2, "lng": 0, "recorded_at": "2026-01-01T00:00:00Z"}
    assert trackway.client.post("/broker/trackway/default", headers=headers, json=data).status_code == 202
    page.get_by_role("link", name="Operação").first.click()
    for function in ("plan", "dispatch", "ingest", "simulate", "persist", "progress", "deadletter"):
        expect(page.get_by_test_id("lane").filter(has_text=function)).to_be_visible()
    expect(page.get_by_text("lat", exact=False).filter(has_text="90").first).to_be_visible(timeout=30_000)
    shot(page, "operations")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_both_themes(browser: Browser, trackway: Running, theme: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", color_scheme=theme)
    page = context.new_page()
    page.goto(trackway.url)
    expect(page.get_by_role("button", name="Start the trip").first).to_be_visible(timeout=20_000)
    eventually(lambda: page.evaluate("Boolean(window.__trackway)"), what="the map")
    shot(page, f"live-{theme}")
    context.close()


def test_the_page_recovers_by_itself_when_the_gateway_is_killed(
    page: Page, trackway: Running, complaints: list[str]
) -> None:
    route = next(r["route_id"] for r in trackway.get("/v1/routes")["routes"] if "Brasília" not in r["name"])
    trip = trackway.post("/v1/trips", {"route_id": route, "vehicle_id": "killed-gw", "vehicle_name": "killed-gw"})

    def moves() -> bool:
        before = place(page, "killed-gw")
        return before is not None and bool(eventually(lambda: place(page, "killed-gw") != before, what="a move"))

    eventually(moves, what="the vehicle moving")
    (gateway,) = trackway.named("realtime_gateway")
    gateway.kill()
    gateway.wait(10)
    eventually(lambda: trackway.named("realtime_gateway"), what="another gateway")
    heard = trackway.get(f"/v1/trips/{trip['trip_id']}")["position"]["recorded_at"]
    expect(page.get_by_test_id("connection")).to_contain_text("Ao vivo", timeout=30_000)
    eventually(
        lambda: trackway.get(f"/v1/trips/{trip['trip_id']}")["position"]["recorded_at"] > heard, what="newer positions"
    )
    eventually(moves, what="the vehicle moving again, without a reload")
    trackway.post(f"/v1/trips/{trip['trip_id']}/cancel", {})
    # While nobody was there, the browser said so of each attempt; anything else would be the page's own fault.
    lost = ("WebSocket connection to", "Failed to load resource")
    complaints[:] = [complaint for complaint in complaints if not complaint.startswith(lost)]
