"""The gateway's settings: from the environment, loopback only, and one sentence when something is wrong."""

import os
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from realtime_gateway.settings import Settings, is_loopback


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_defaults_are_those_of_a_laptop() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.store) == ("127.0.0.1", 8081, "sqlite:///var/trackway.db")
    assert settings.status_url is None


def test_the_runtime_gives_the_port_and_where_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch, PORT="4711", KNATIVE_LOCAL_URL="http://127.0.0.1:9000", TRACKWAY_TENANT="acme"
    )
    assert (settings.port, settings.tenant) == (4711, "acme")
    assert settings.status_url == "http://127.0.0.1:9000/_knative/status"
    other = from_environment(monkeypatch, TRACKWAY_OPERATIONS_URL="http://status.local/x")
    assert other.status_url == "http://status.local/x"


def test_what_is_stored_is_known_by_all_who_store(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().storing_groups == ("knative-trigger-trackway-persist",)
    by_connect = from_environment(monkeypatch, TRACKWAY_POSITIONS_BY="connect")
    assert by_connect.storing_groups == ("knative-trigger-trackway-persist", "connect-mongo-positions")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_other_addresses_than_loopback_are_refused_but_behind_a_mesh(host: str) -> None:
    with pytest.raises(ValidationError, match="no authentication yet"):
        Settings(host=host)
    assert Settings(host=host, behind_mesh=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TRACKWAY_HOST": "0.0.0.0"}, "not a loopback address"),
        ({"TRACKWAY_TIME_ZONE": "Mars/Olympus"}, "time zone 'Mars/Olympus' is not known"),
        ({"TRACKWAY_STORE": "mysql://x"}, "store address 'mysql://x' is not served"),
        ({"PORT": "no"}, "PORT"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(variables: dict[str, str], words: str) -> None:
    command: list[Any] = [sys.executable, "-m", "realtime_gateway"]
    ended = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "Traceback" not in ended.stderr
