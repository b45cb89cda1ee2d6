"""What a process is started with."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from knative_local.environment import Environments, VariableErrors, arguments, expand
from knative_local.label_selectors import Requirement, Selector
from knative_local.model import (
    ConfigMap,
    Container,
    Deployment,
    Destination,
    EnvFrom,
    EnvVar,
    KnService,
    Manifests,
    Ref,
    Secret,
    SinkBinding,
)
from knative_local.source import Source

HERE = Source("m.yaml", 1)
CONFIG, SECRET = Ref("ConfigMap", "", "config"), Ref("Secret", "", "keys")
TEXTS = {
    "config_maps": (ConfigMap("shop", "config", {"LEVEL": "info", "REGION": "sa-east"}, HERE),),
    "secrets": (Secret("shop", "keys", {"token": "s3cret"}, HERE),),
}
BROKER = Destination(Ref("Broker", "", "default", "eventing.knative.dev/v1"))


def log_of(destination: Destination, namespace: str) -> str | None:
    ref = destination.ref
    return f"{ref.namespace or namespace}/{ref.name}" if ref and ref.kind == "Broker" else None


def made(container: Container, **more: Any) -> dict[str, str]:
    service = KnService("shop", "plan", container, HERE, labels={"emits": "true"})
    manifests = Manifests(services=(service,), **(TEXTS | more))
    return Environments(
        manifests, lambda _, namespace: f"http://here/{namespace}", log_of, "/run/in.sock", "http://here"
    ).of_service(service)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$(NOBODY)", "$(NOBODY)"),
        ("$$(A)", "$(A)"),
        ("$A ${A}", "$A ${A}"),
        ("plain", "plain"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_python_is_this_interpreter_and_arguments_are_expanded() -> None:
    container = Container(("python", "-m", "shop"), ("--level", "$(LEVEL)", "$$(LEVEL)"))
    assert arguments(container, {"LEVEL": "info"}) == [sys.executable, "-m", "shop", "--level", "info", "$(LEVEL)"]
    assert arguments(Container(("/bin/echo",)), {}) == ["/bin/echo"]


def test_values_come_from_the_manifest_config_maps_and_secrets() -> None:
    env = made(
        Container(
            ("python",),
            env=(
                EnvVar("PLAIN", "a"),
                EnvVar("FROM_MAP", ref=CONFIG, key="LEVEL"),
                EnvVar("FROM_SECRET", ref=SECRET, key="token"),
                EnvVar("TOGETHER", "$(PLAIN)/$(APP_REGION)"),
                EnvVar("MISSING", ref=CONFIG, key="NOPE", optional=True),
                EnvVar("APP_LEVEL", "debug"),
            ),
            env_from=(EnvFrom(CONFIG, prefix="APP_"), EnvFrom(Ref("Secret", "", "none"), optional=True)),
        )
    )
    expected = {
        "PLAIN": "a",
        "FROM_MAP": "info",
        "FROM_SECRET": "s3cret",
        "TOGETHER": "a/sa-east",
        "APP_REGION": "sa-east",
        "APP_LEVEL": "debug",
        "K_SERVICE": "plan",
        "K_CONFIGURATION": "plan",
        "K_REVISION": "plan-00001",
    }
    assert {name: env.get(name) for name in expected} == expected
    assert "MISSING" not in env


def test_the_machines_own_variables_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("LC_TIME", "pt_BR.UTF-8")
    env = made(Container(("python",)))
    assert "AWS_SECRET_ACCESS_KEY" not in env
    assert env["LC_TIME"] == "pt_BR.UTF-8"
    assert env["PATH"]


def binding(name: str | None = None, labels: dict[str, str] | None = None, kind: str = "Service") -> dict[str, Any]:
    return {"sink_bindings": (SinkBinding("shop", "b", kind, name, BROKER, HERE, selector=Selector(labels or {})),)}


@pytest.mark.parametrize(
    ("more", "bound"),
    [
        (binding("plan"), True),
        (binding(labels={"emits": "true"}), True),
        (binding("other"), False),
        (binding(labels={"emits": "false"}), False),
        (binding("plan", kind="Deployment"), False),
    ],
)
def test_a_sink_binding_gives_its_subjects_the_sink(more: dict[str, Any], bound: bool) -> None:
    env = made(Container(("python",)), **more)
    sink = (env.get("K_SINK"), env.get("KNATIVE_LOCAL_SINK"))
    assert sink == (("http://here/shop", "unix:/run/in.sock:/shop/default") if bound else (None, None))


@pytest.mark.parametrize(
    ("overrides", "written"),
    [
        (None, ""),
        ({}, "{}"),
        ({"b": 'a "word"', "a": "1"}, '{"extensions":{"a":"1","b":"a \\"word\\""}}'),
    ],
)
def test_overrides_are_written_as_knatives_sink_binding_writes_them(
    overrides: dict[str, str] | None, written: str
) -> None:
    """Knative marshals `ceOverrides` to JSON as it is, and gives an empty variable when there are none."""
    bound = SinkBinding("shop", "b", "Service", "plan", BROKER, HERE, overrides=overrides)

    assert made(Container(("python",)), sink_bindings=(bound,))["K_CE_OVERRIDES"] == written


@pytest.mark.parametrize(
    ("requirement", "chosen"),
    [
        (Requirement("emits", "In", ("true", "yes")), True),
        (Requirement("emits", "In", ("false",)), False),
        (Requirement("none", "In", ("true",)), False),
        (Requirement("emits", "NotIn", ("true",)), False),
        (Requirement("none", "NotIn", ("true",)), True),
        (Requirement("emits", "Exists"), True),
        (Requirement("none", "Exists"), False),
        (Requirement("emits", "DoesNotExist"), False),
        (Requirement("none", "DoesNotExist"), True),
    ],
)
def test_match_expressions_choose_as_kubernetes_does(requirement: Requirement, chosen: bool) -> None:
    """Kubernetes' set-based requirements: an object without the label meets NotIn and DoesNotExist."""
    selector = Selector({"emits": "true"}, (requirement,))
    bound = SinkBinding("shop", "b", "Service", None, BROKER, HERE, selector=selector)

    assert ("K_SINK" in made(Container(("python",)), sink_bindings=(bound,))) == chosen


def test_a_deployment_is_chosen_by_its_own_labels_and_not_by_its_pods() -> None:
    """A SinkBinding's selector is about the subject object, whose labels may differ from its Pod template's."""
    bound = SinkBinding("shop", "b", "Deployment", None, BROKER, HERE, selector=Selector({"emits": "true"}))
    both = Container(("python",))
    pods = Deployment("shop", "pods", both, HERE, labels={"emits": "true"})
    own = Deployment("shop", "own", both, HERE, own_labels={"emits": "true"})
    environments = Environments(
        Manifests(deployments=(pods, own), sink_bindings=(bound,)), lambda *_: "", log_of, "", ""
    )

    assert ["K_SINK" in environments.of_deployment(each) for each in (pods, own)] == [False, True]


def test_everything_that_is_missing_is_reported_with_its_place() -> None:
    bad = Container(("python",), env=(EnvVar("A", ref=CONFIG, key="NOPE"),))
    worse = Container(("python",), env_from=(EnvFrom(Ref("Secret", "", "none")),))
    manifests = Manifests(
        services=(KnService("shop", "plan", bad, Source("plan.yaml", 3)),),
        deployments=(Deployment("shop", "web", worse, Source("web.yaml", 4)),),
        **TEXTS,
    )
    with pytest.raises(VariableErrors) as errors:
        Environments(manifests, lambda *_: "", log_of, "", "").check()
    assert str(errors.value).splitlines() == [
        "plan.yaml:3: A wants the key 'NOPE', which ConfigMap config has not",
        "web.yaml:4: there is no Secret none in shop",
    ]
