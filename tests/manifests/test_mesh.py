"""What istio/ says: checked by the real istioctl, and who may do what, by the rules of Istio's policies."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.running import ROOT
from tests.servers import istioctl, kustomize

# The first test that asks istioctl builds it: some minutes on a machine that has built nothing of it yet.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(istioctl.BUILD_S + 60)]

OTHERS = Path(__file__).with_name("cluster-of-others.yaml")
Change = Callable[[str], str]


@pytest.fixture(scope="module")
def production() -> str:
    """What the overlay for production gives."""
    return kustomize.build(ROOT / "knative/overlays/production")


@pytest.fixture(scope="module")
def objects(production: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects of production by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(production)}


@pytest.fixture(scope="module")
def others() -> list[dict[str, Any]]:
    """What is in a cluster with Istio and Knative, and the certificate that an operator has put there."""
    certificate, key = self_signed("trackway.example.com")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "trackway-tls", "namespace": "trackway"},
        "type": "kubernetes.io/tls",
        "data": {"tls.crt": b64encode(certificate).decode(), "tls.key": b64encode(key).decode()},
    }
    return [*yaml.safe_load_all(OTHERS.read_text()), secret]


def self_signed(name: str) -> tuple[bytes, bytes]:
    """A certificate for `name` that holds for two days, and its key, both as PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), secret


def said(folder: Path, manifests: str, others: list[dict[str, Any]]) -> str:
    """What istioctl says of our manifests there."""
    return istioctl.analyze(folder, [each for each in yaml.safe_load_all(manifests) if each], others)


def test_istioctl_finds_nothing_in_production(production: str, others: list[dict[str, Any]], tmp_path: Path) -> None:
    assert said(tmp_path, production, others) == "✔ No validation issues found when analyzing manifests.yaml."


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda text: text.replace("        host: realtime-gateway\n", "        host: gone\n"),
            "IST0101.*host not found",
        ),
        (
            lambda text: text.replace("host: broker-ingress.knative", "host: broker-egress.knative"),
            "IST0101.*broker-egress",
        ),
        (lambda text: text.replace("  - trackway\n  hosts:", "  - gone\n  hosts:"), "IST0101.*gateway not found"),
        (
            lambda text: text.replace("trackway-tls\n      minProtocol", "gone\n      minProtocol"),
            "IST0101.*credentialName",
        ),
        (
            lambda text: text.replace("    istio: trackway\n  servers", "    istio: gone\n  servers"),
            "IST0101.*selector",
        ),
        (lambda text: text.replace("      number: 443\n", "      number: 444\n"), "IST0162.*444"),
        (lambda text: text.replace("istio-injection: enabled", "istio-injection: disabled"), "IST0146.*image: auto"),
        (lambda text: text.replace("mode: STRICT", "mode: STRIKT"), "STRIKT"),
    ],
    ids=["route", "broker", "gateway", "certificate", "ingress", "port", "injection", "mode"],
)
def test_a_mistake_is_found(
    production: str, others: list[dict[str, Any]], tmp_path: Path, change: Change, found: str
) -> None:
    wrong = change(production)
    assert wrong != production, "the mutation changes something"
    answer = said(tmp_path, wrong, others)
    assert re.search(found, answer), f"istioctl misses it: {answer}"


def routes(objects: dict[tuple[str, str], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The routes of the VirtualService by name."""
    return {route["name"]: route for route in objects["VirtualService", "trackway"]["spec"]["http"]}


def test_only_what_may_be_repeated_is_repeated(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Istio does so with every failed request unless the route says otherwise; so each of them says."""
    attempts = {name: route["retries"]["attempts"] for name, route in routes(objects).items()}
    assert attempts.keys() >= {"broker", "plan", "dispatch", "ingest", "deadletter", "live", "queries", "pages"}
    assert {name for name, most in attempts.items() if most} == {"broker", "ingest", "queries", "pages"}


def test_a_socket_has_no_timeout_and_functions_have_longer_than_knative_gives_them(
    objects: dict[tuple[str, str], dict[str, Any]],
) -> None:
    timeouts = {name: route.get("timeout") for name, route in routes(objects).items()}
    assert timeouts["live"] is None
    longest = max(
        each["spec"]["template"]["spec"]["timeoutSeconds"]
        for (kind, name), each in objects.items()
        if kind == "Service" and name in timeouts
    )
    for name in ("plan", "dispatch", "ingest", "deadletter"):
        assert int(timeouts[name].removesuffix("s")) > longest


def test_mutual_tls_is_asked_of_everybody(objects: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert objects["PeerAuthentication", "default"]["spec"] == {"mtls": {"mode": "STRICT"}}
    assert objects["Namespace", "trackway"]["metadata"]["labels"]["istio-injection"] == "enabled"


class Ingress:
    """The policies at the ingress as Istio evaluates them: some rule has to let a request through."""

    def __init__(self, objects: dict[tuple[str, str], dict[str, Any]]) -> None:
        policies = [each["spec"] for (kind, _), each in objects.items() if kind == "AuthorizationPolicy"]
        assert {} in policies, "without an empty one a Pod that no policy selects would be open"
        assert all(each.get("action", "ALLOW") == "ALLOW" for each in policies)
        chosen = [each for each in policies if each.get("selector") == {"matchLabels": {"app": "ingress"}}]
        self.rules = [rule for each in chosen for rule in each["rules"]]

    def lets(self, method: str, path: str, role: str | None) -> bool:
        """Whether a request with a token of that role, or with none, gets in."""
        return any(_meets(rule, method, path, role) for rule in self.rules)


def _meets(rule: dict[str, Any], method: str, path: str, role: str | None) -> bool:
    assert set(rule) <= {"to", "when"}
    operations = [each["operation"] for each in rule["to"]]
    conditions = rule.get("when", [])
    assert all(set(each) == {"key", "values"} and each["key"] == "request.auth.claims[role]" for each in conditions)
    return any(_operates(each, method, path) for each in operations) and all(
        role in each["values"] for each in conditions
    )


def _operates(operation: dict[str, list[str]], method: str, path: str) -> bool:
    assert set(operation) <= {"methods", "paths", "notPaths"}
    return (
        method in operation["methods"]
        and ("paths" not in operation or any(_is(path, each) for each in operation["paths"]))
        and not any(_is(path, each) for each in operation.get("notPaths", ()))
    )


def _is(path: str, pattern: str) -> bool:
    """A prefix before a star, a segment for `{*}`, or the path itself."""
    expression = re.escape(pattern).replace(r"\{\*\}", "[^/]+")
    return re.fullmatch(re.sub(r"\\\*$", ".*", expression), path) is not None


@pytest.mark.parametrize(
    ("method", "path", "who"),
    [
        ("GET", "/", {None, "viewer", "dispatcher", "admin", "device", "share", "publisher"}),
        ("GET", "/assets/index.js", {None, "viewer", "dispatcher", "admin", "device", "share", "publisher"}),
        ("GET", "/feed", set()),
        ("POST", "/feed", set()),
        ("GET", "/metrics", set()),
        ("GET", "/v1/trips", {"viewer", "dispatcher", "admin"}),
        ("GET", "/v1/live", {"viewer", "dispatcher", "admin"}),
        ("POST", "/v1/trips", {"dispatcher", "admin"}),
        ("POST", "/v1/trips/t1/cancel", {"dispatcher", "admin"}),
        ("POST", "/v1/trips/t1/more/cancel", set()),
        ("POST", "/v1/routes", {"dispatcher", "admin"}),
        ("DELETE", "/v1/trips", set()),
        ("GET", "/v1/ingest/osmand", {"device", "dispatcher", "admin"}),
        ("POST", "/v1/ingest", {"device", "dispatcher", "admin"}),
        ("GET", "/v1/dead-letters", {"admin"}),
        ("POST", "/v1/dead-letters/d1/replay", {"admin"}),
        ("GET", "/v1/operations", {"admin"}),
        ("GET", "/v1/shared/t1", {"share", "viewer", "dispatcher", "admin"}),
        ("POST", "/broker/trackway/default", {"publisher", "admin"}),
        ("POST", "/broker/somebody/else", set()),
    ],
)
def test_who_may_do_what(
    objects: dict[tuple[str, str], dict[str, Any]], method: str, path: str, who: set[str | None]
) -> None:
    ingress = Ingress(objects)
    roles = (None, "viewer", "dispatcher", "admin", "device", "share", "publisher", "nobody")
    expected = who | {"nobody"} if None in who else who
    assert {role for role in roles if ingress.lets(method, path, role)} == expected


def test_every_route_of_the_page_and_the_functions_is_open_to_somebody(
    objects: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """So that a route that is added is not forgotten here."""
    described = yaml.safe_load((ROOT / "realtime-gateway/realtime_gateway/functions_openapi.json").read_text())
    ingress = Ingress(objects)
    checked = 0
    for path, methods in described["paths"].items():
        for method in methods.keys() & {"get", "post", "delete", "put", "patch"}:
            asked = re.sub(r"\{[^}]+\}", "x", path)
            assert ingress.lets(method.upper(), asked, "admin"), f"nobody may {method.upper()} {path}"
            checked += 1
    assert checked > 5
