"""Who may call while there is no authentication."""

from __future__ import annotations

import pytest

from knative_local.loopback import refusal

HERE = (b"host", b"127.0.0.1:8080")


@pytest.mark.parametrize("host", [b"127.0.0.1:8080", b"127.0.0.1", b"localhost:1", b"LOCALHOST:8080", b"[::1]:8080"])
def test_this_machine_by_its_own_names(host: bytes) -> None:
    assert refusal("POST", [(b"host", host)]) is None


@pytest.mark.parametrize(
    "host",
    [b"evil.example:8080", b"127.0.0.1.evil.example", b"localhost.evil.example", b"", b"127.0.0.1:80:80", b"::1"],
)
def test_other_names_for_this_machine_are_rebound_dns(host: bytes) -> None:
    answer = refusal("GET", [(b"host", host)])
    assert answer is not None
    assert answer.status == 421


def test_a_request_without_host_is_refused() -> None:
    answer = refusal("GET", [])
    assert answer is not None
    assert answer.status == 421


@pytest.mark.parametrize(
    ("method", "headers", "upgrade", "refused"),
    [
        ("POST", [(b"origin", b"http://127.0.0.1:8080")], False, False),
        ("POST", [(b"origin", b"http://127.0.0.1:9999")], False, True),
        ("POST", [(b"origin", b"https://127.0.0.1:8080")], False, True),
        ("POST", [(b"origin", b"https://evil.example")], False, True),
        ("POST", [(b"origin", b"null")], False, True),
        ("DELETE", [(b"origin", b"https://evil.example")], False, True),
        ("GET", [(b"origin", b"https://evil.example")], False, False),  # the browser lets no foreign page read it
        ("GET", [(b"origin", b"https://evil.example")], True, True),
        ("GET", [(b"origin", b"http://127.0.0.1:8080")], True, False),
        ("GET", [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"no-cors")], False, True),
        ("GET", [(b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")], False, False),
        ("GET", [(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-mode", b"cors")], False, False),
        ("POST", [], False, False),
    ],
)
def test_pages_of_other_sites(method: str, headers: list[tuple[bytes, bytes]], upgrade: bool, refused: bool) -> None:
    answer = refusal(method, [HERE, *headers], upgrade=upgrade)
    assert (answer is not None and answer.status == 403) is refused
