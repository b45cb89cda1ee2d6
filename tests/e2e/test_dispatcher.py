"""A dispatcher at the page, in a real browser: starts a trip by clicking, sees the vehicle move and the trip finish."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import ROOT, Running, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SCREENSHOTS = ROOT / "build/screenshots"
FLAGS = """--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update
--disable-sync --use-angle=swiftshader --enable-unsafe-swiftshader --ignore-gpu-blocklist""".split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: install the package chromium, or set CHROMIUM=/path/to/it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, trackway: Running) -> Iterator[Page]:
    """The page in Portuguese, as the product speaks first; what the browser complains about fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="pt-BR", reduced_motion="no-preference")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(trackway.url)
    yield page
    context.close()
    assert not complaints
