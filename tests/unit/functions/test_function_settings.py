"""Settings come from the environment, and what cannot be used is refused in a sentence."""

import pytest

from trackway.functions import InvalidSettings, Settings
from trackway.functions.address import SinkAddress


def test_the_defaults_are_those_of_a_laptop() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.host, settings.store, settings.sink) == ("127.0.0.1", "sqlite:///var/trackway.db", None)


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "TRACKWAY_STORE": "memory://",
            "TRACKWAY_STREETS": "s.json",
            "TRACKWAY_FUNCTIONS": "f",
            "TRACKWAY_TENANT": "acme",
            "PORT": "9000",
            "K_SINK": "http://broker/x",
            "TRACKWAY_POSITIONS_BY": "persist",
        }
    )
    assert settings == Settings(
        store="memory://", streets="s.json", folder="f", tenant="acme", port=9000, sink=SinkAddress("/x", "broker", 80)
    )


def test_the_runtimes_own_socket_comes_before_the_public_address() -> None:
    settings = Settings.from_environment({"K_SINK": "http://broker/x", "KNATIVE_LOCAL_SINK": "unix:/run/i.sock:/a/b"})
    assert settings.sink is not None
    assert settings.sink.takes_batches


def test_positions_are_left_to_connect_where_it_can_write_them() -> None:
    by_connect = {"TRACKWAY_POSITIONS_BY": "connect"}
    settings = Settings.from_environment({**by_connect, "TRACKWAY_STORE": "mongodb://mongo/trackway"})
    assert settings.positions_by == "connect"
    with pytest.raises(InvalidSettings, match=r"needs a TRACKWAY_STORE at mongodb://"):
        Settings.from_environment({**by_connect, "TRACKWAY_STORE": "sqlite:///x.db"})
    with pytest.raises(InvalidSettings, match="'kafka' is neither persist nor connect"):
        Settings.from_environment({"TRACKWAY_POSITIONS_BY": "kafka"})


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_only_a_mesh_may_open_it_to_a_network(host: str) -> None:
    with pytest.raises(InvalidSettings, match="loopback"):
        Settings.from_environment({"TRACKWAY_HOST": host})
    assert Settings.from_environment({"TRACKWAY_HOST": host, "TRACKWAY_BEHIND_MESH": "1"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_leave(host: str) -> None:
    assert Settings.from_environment({"TRACKWAY_HOST": host}).host == host


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PORT", "http"), ("PORT", "65536"), ("PORT", "-1"), ("TRACKWAY_HOST", "me"), ("K_SINK", "https://broker/x")],
)
def test_what_cannot_be_used_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=variable):
        Settings.from_environment({variable: value})
