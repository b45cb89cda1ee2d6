"""Fixtures of the eventing half: subscribers in memory, sleep that takes no time, a dispatcher, manifests read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from knative_local.dispatcher import Dispatcher
from knative_local.log.sqlite import SqliteEventLog
from knative_local.manifests import load
from knative_local.model import Manifests, Trigger
from knative_local.pump import Bounds
from tests.unit.knative_local.eventing import FakeSleep, FakeSubscribers, Running, Start
from tests.unit.knative_local.manifest_texts import Read


@pytest.fixture
def subscribers() -> FakeSubscribers:
    return FakeSubscribers()


@pytest.fixture
def sleep() -> FakeSleep:
    return FakeSleep()


@pytest.fixture
def start(tmp_path: Path, subscribers: FakeSubscribers, sleep: FakeSleep) -> Start:
    """Starts a dispatcher with Triggers on the one log of the test; leaving it stops both."""

    @asynccontextmanager
    async def running(*triggers: Trigger, bounds: Bounds | None = None, grace: float = 5) -> AsyncIterator[Running]:
        log = SqliteEventLog.open(tmp_path / "log.db")
        dispatcher = Dispatcher(triggers, log, subscribers, bounds=bounds, sleep=sleep)
        await dispatcher.start()
        try:
            yield dispatcher, log
        finally:
            await dispatcher.stop(grace)
            log.close()

    return running


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads manifests given as texts, which stand in town.yaml one after the other."""
    monkeypatch.chdir(tmp_path)

    def read_texts(*texts: str) -> Manifests:
        (tmp_path / "town.yaml").write_text("---\n".join(dedent(text).strip("\n") + "\n" for text in texts))
        return load(tmp_path / "town.yaml")

    return read_texts
