"""Manifests: what is read, and that every mistake is told with file and line before anything runs."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from knative_local.manifests import ManifestErrors, load
from knative_local.model import (
    Broker,
    Delivery,
    Destination,
    EnvFrom,
    EnvVar,
    HeaderMatch,
    Manifests,
    Match,
    Ref,
    ServicePort,
)

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: town}
"""
SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: persist, namespace: town}
spec:
  template:
    spec:
      containers:
        - command: [python, -m, persist]
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata:
  name: persist
  namespace: town
spec:
  broker: default
  subscriber:
    ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}
"""

Read = Callable[..., Manifests]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads manifests given as texts, which stand in town.yaml one after the other."""
    monkeypatch.chdir(tmp_path)

    def read_texts(*texts: str) -> Manifests:
        (tmp_path / "town.yaml").write_text("---\n".join(dedent(text).strip("\n") + "\n" for text in texts))
        return load(tmp_path / "town.yaml")

    return read_texts


def errors_of(read: Read, *texts: str) -> list[str]:
    with pytest.raises(ManifestErrors) as caught:
        read(*texts)
    assert str(caught.value) == "\n".join(caught.value.errors)
    return list(caught.value.errors)


def test_a_typo_is_told_with_file_line_and_what_was_meant(read: Read) -> None:
    text = TRIGGER + "  fliters: []\n"

    assert errors_of(read, text) == [
        "town.yaml:10: Trigger persist: spec.fliters is not a field that is served here; did you mean 'filters'?"
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (TRIGGER.replace("default", "other"), "7: Trigger persist: spec.broker names town/other, which is not there"),
        (TRIGGER.replace("broker: default", "broker: 5"), "7: Trigger persist: spec.broker is a text, not '5'"),
        (TRIGGER.replace("  broker: default\n", ""), "7: Trigger persist: spec.broker is missing"),
        (TRIGGER.replace("name: persist}", "name: nobody}"), "there is no Knative Service town/nobody"),
        (TRIGGER.replace("kind: Service", "kind: Channel"), "a Channel cannot receive events here"),
        (TRIGGER + "  filters: [{cesql: \"a = 'b'\"}]", "spec.filters[0].cesql is not served yet"),
        (TRIGGER + "  filters: [{exact: {a: b}, prefix: {c: d}}]", "takes exactly one of"),
        (TRIGGER + "  filters: [{any: []}]", "spec.filters[0].any is 0 entries; it has to be at least 1"),
        (TRIGGER + "  filters: [{not: {exakt: {}}}]", "did you mean 'exact'?"),
        (TRIGGER + "  filters: {exact: {a: b}}", "spec.filters is a list, not a mapping"),
        (TRIGGER + "  delivery: {retry: -1}", "spec.delivery.retry is -1; it has to be at least 0"),
        (TRIGGER + "  delivery: {backoffDelay: 5s}", "is a duration such as PT0.2S, not '5s'"),
        (TRIGGER + "  delivery: {backoffPolicy: fast}", "is linear or exponential here, not 'fast'"),
        (TRIGGER + "  delivery: {retryAfterMax: PT1S}", "spec.delivery.retryAfterMax is not served yet"),
        (TRIGGER + "  delivery: {deadLetterSink: {}}", "needs ref or uri"),
        (
            TRIGGER.replace("  namespace: town\n", '  namespace: town\n  annotations: {local.knative.dev/bach: "5"}\n'),
            "did you mean 'local.knative.dev/batch'?",
        ),
        (
            TRIGGER.replace(
                "  namespace: town\n", '  namespace: town\n  annotations: {local.knative.dev/batch: "0"}\n'
            ),
            "'local.knative.dev/batch' is 0; it has to be at least 1",
        ),
        (
            TRIGGER.replace(
                "  namespace: town\n",
                "  namespace: town\n  annotations: {kafka.eventing.knative.dev/delivery.order: ordered}\n",
            ),
            "is unordered here, not 'ordered'",
        ),
        (SERVICE.replace("persist,", "Persist,"), "metadata.name is a name of small letters"),
        (BROKER, "5: Broker default: is there already, at town.yaml:1"),
        (BROKER.replace("eventing.knative.dev/v1", "eventing.knative.dev/v1beta1"), "is not read, only v1"),
        ("kind: Broker\nmetadata: {name: x}", "apiVersion is missing"),
        ("just words", "is no object with apiVersion and kind"),
        ("a: [", "is not YAML"),
        ("a: 1\na: 2", "'a' stands there twice, first in line"),
        ("a: &a [*a]", "is not YAML"),
        ("<<: {a: 1}", "the key '<<' is no plain text"),
    ],
)
def test_mistakes_around_events(read: Read, text: str, error: str) -> None:
    texts = [text] if "kind: Service\nmetadata" in text else [text, SERVICE]

    found = errors_of(read, *texts, BROKER) if text != BROKER else errors_of(read, BROKER, text)

    assert any(error in each for each in found), found
    assert all(each.startswith("town.yaml:") for each in found)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("command: [python, -m, persist]", "image: x"), "spec.template.spec.containers[0].command is missing"),
        (("- command", "- workingDir: /tmp\n          command"), "workingDir is not served"),
        (("- command", "- volumeMounts: []\n          command"), "volumeMounts is not served"),
        (("- command", "- imagePull: x\n          command"), "imagePull is not a field that is served here"),
        (("- command", "- env: [{name: A, valueFrom: {fieldRef: {}}}]\n          command"), "there is no Pod here"),
        (("- command", "- env: [{name: A, value: 5}]\n          command"), "is a text, not '5'; put it into quotes"),
        (
            ("- command", "- envFrom: [{configMapRef: {name: settings}}]\n          command"),
            "there is no ConfigMap settings in town",
        ),
        (
            ("- command", "- env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n          command"),
            "there is no Secret s in town",
        ),
        (("    spec:\n", "    spec:\n      timeoutSeconds: 2000\n"), "is 2000; it may be 600 at most"),
        (("spec:\n  template", "spec:\n  traffic: []\n  template"), "spec.traffic is not served"),
        (
            ("  template:\n", '  template:\n    metadata: {annotations: {autoscaling.knative.dev/metric: "rps"}}\n'),
            "'autoscaling.knative.dev/metric' is concurrency here, not 'rps'",
        ),
        (
            ("  template:\n", '  template:\n    metadata: {annotations: {autoscaling.knative.dev/minScale: "1"}}\n'),
            "'autoscaling.knative.dev/minScale' is not an annotation that is served here",
        ),
        (
            ("  template:\n", "  template:\n    metadata: {annotations: {autoscaling.knative.dev/min-scale: 1}}\n"),
            "is a text, not '1'; put it into quotes",
        ),
        (
            ("  template:\n", "  template:\n    metadata: {annotations: {autoscaling.knative.dev/window: 2s}}\n"),
            "is 2 s; it has to be at least 6",
        ),
        (
            ("namespace: town", 'namespace: town, annotations: {autoscaling.knative.dev/min-scale: "1"}'),
            "belongs under spec.template.metadata.annotations",
        ),
        (
            (
                "  template:\n",
                "  template:\n    metadata: {annotations: {autoscaling.knative.dev/min-scale: '3',"
                " autoscaling.knative.dev/max-scale: '2'}}\n",
            ),
            "max-scale 2 is less than min-scale 3",
        ),
    ],
)
def test_mistakes_in_a_service(read: Read, change: tuple[str, str], error: str) -> None:
    found = errors_of(read, SERVICE.replace(*change))

    assert any(error in each for each in found), found


def test_all_mistakes_are_told_at_once(read: Read) -> None:
    found = errors_of(
        read, TRIGGER + "  fliters: []\n  delivery: {retry: many}\n", SERVICE.replace("command", "comand")
    )

    assert len(found) == 4


def test_a_trigger_takes_its_brokers_delivery_unless_it_has_its_own(read: Read) -> None:
    broker = BROKER + "spec: {delivery: {retry: 4, timeout: PT30S, deadLetterSink: {uri: 'http://127.0.0.1:9'}}}\n"
    own = (
        TRIGGER.replace("name: persist\n", "name: own\n", 1)
        + "  delivery: {backoffPolicy: linear, backoffDelay: PT1M}\n"
    )

    first, second = read(broker, SERVICE, TRIGGER, own).triggers

    assert first.delivery == Delivery(retry=4, timeout=30.0, dead_letter_sink=Destination(uri="http://127.0.0.1:9"))
    assert second.delivery == Delivery(retry=0, backoff_policy="linear", backoff_delay=60.0)


def test_a_broker_without_delivery_has_knatives_defaults(read: Read) -> None:
    (broker,) = read(BROKER).brokers

    assert (broker.key, broker.delivery.retry, broker.delivery.backoff_delay) == ("town/default", 10, 0.2)


def test_a_trigger(read: Read) -> None:
    annotations = '  annotations: {local.knative.dev/batch: "200", local.knative.dev/linger: 25ms, other: x}\n'
    text = TRIGGER.replace("  namespace: town\n", "  namespace: town\n" + annotations)

    (trigger,) = read(BROKER, SERVICE, text + "  filter: {attributes: {type: a}}\n").triggers

    assert (trigger.key, trigger.broker_key) == ("town/persist", "town/default")
    assert (trigger.batch, trigger.linger) == (200, 0.025)
    assert trigger.subscriber == Destination(Ref("Service", "town", "persist", "serving.knative.dev/v1"))
    assert str(trigger.filter) == "type = a"
    assert trigger.source.path == "town.yaml"


def test_filters_take_the_place_of_filter(read: Read) -> None:
    text = TRIGGER + "  filter: {attributes: {type: a}}\n  filters: [{exact: {type: b}}, {suffix: {source: c}}]\n"

    (trigger,) = read(BROKER, SERVICE, text).triggers

    assert str(trigger.filter) == "type = b and source = …c"


def test_a_service(read: Read) -> None:
    text = """
    apiVersion: serving.knative.dev/v1
    kind: Service
    metadata: {name: persist, labels: {emits: "true"}}
    spec:
      template:
        metadata:
          annotations:
            autoscaling.knative.dev/min-scale: "1"
            autoscaling.knative.dev/max-scale: "4"
            autoscaling.knative.dev/initial-scale: "2"
            autoscaling.knative.dev/target-utilization-percentage: "80"
            autoscaling.knative.dev/window: 1m30s
            autoscaling.knative.dev/scale-to-zero-pod-retention-period: 10s
        spec:
          containerConcurrency: 5
          timeoutSeconds: 20
          serviceAccountName: persist
          containers:
            - image: town/persist
              command: [python, -m]
              args: [persist]
              ports: [{name: h2c, containerPort: 8081}]
              envFrom: [{configMapRef: {name: settings}, prefix: P_}, {secretRef: {name: none, optional: true}}]
              env:
                - {name: A, value: "1"}
                - name: B
                  valueFrom: {secretKeyRef: {name: keys, key: k}}
              resources: {limits: {memory: 64Mi}}
              readinessProbe: {httpGet: {path: /}}
    """
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {COLOUR: red}\n"
    keys = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata: {k: c8OtbQ==}\nstringData: {l: plain}\n"

    manifests = read(text, settings, keys)

    (service,) = manifests.services
    assert (service.key, service.labels) == ("default/persist", {"emits": "true"})
    assert (service.min_scale, service.max_scale, service.initial_scale) == (1, 4, 2)
    assert (service.concurrency, service.target, service.target_utilization) == (5, 5.0, 0.8)
    assert (service.window_s, service.timeout_seconds, service.scale_to_zero_pod_retention_s) == (90.0, 20.0, 10.0)
    container = service.container
    assert (container.command, container.args) == (("python", "-m"), ("persist",))
    assert (container.port, container.port_name, container.image) == (8081, "h2c", "town/persist")
    assert container.env == (
        EnvVar("A", "1"),
        EnvVar("B", ref=Ref("Secret", "default", "keys", "v1"), key="k"),
    )
    assert container.env_from[0] == EnvFrom(Ref("ConfigMap", "default", "settings", "v1"), "P_")
    assert container.env_from[1].optional
    assert manifests.config_maps[0].data == {"COLOUR": "red"}
    assert manifests.secrets[0].data == {"k": "sím", "l": "plain"}
    assert "plain" not in repr(manifests.secrets[0])


def test_knatives_defaults_of_a_service(read: Read) -> None:
    (service,) = read(SERVICE).services

    assert (service.concurrency, service.target, service.target_utilization, service.window_s) == (0, 100.0, 0.7, 60.0)
    assert (service.min_scale, service.max_scale, service.timeout_seconds) == (0, 0, 300.0)


GATEWAY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: town, labels: {app: not-this-one}}
spec:
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}}
    spec:
      containers: [{name: gateway, command: [gateway], ports: [{containerPort: 8081, name: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: town}
spec:
  selector: {app: gateway}
  ports: [{port: 80, targetPort: http}]
"""


def test_a_deployment_and_its_service(read: Read) -> None:
    manifests = read(GATEWAY)

    assert manifests.deployments[0].labels == {"app": "gateway"}
    assert manifests.core_services[0].ports == (ServicePort(80, target="http"),)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("selector: {app: gateway}", "selector: {app: other}"), "selects 0 Deployments"),
        (("targetPort: http", "targetPort: 9"), "targets port 9"),
        (("  selector: {matchLabels", "  replicas: 3\n  selector: {matchLabels"), "spec.replicas is 3; it may be 1"),
        (("targetPort: http", "targetPort: http, protocol: UDP"), "is TCP here, not 'UDP'"),
    ],
)
def test_mistakes_around_a_deployment(read: Read, change: tuple[str, str], error: str) -> None:
    found = errors_of(read, GATEWAY.replace(*change))

    assert any(error in each for each in found), found


ROUTES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: town}
spec:
  hosts: ["*"]
  http:
    - match:
        - uri: {prefix: /a/}
          method: {regex: GET|HEAD}
          headers: {X-Kind: {exact: y}}
        - uri: {regex: "/b/[0-9]+"}
      rewrite: {uri: /, authority: persist.town.svc.cluster.local}
      timeout: 2.5s
      route: [{destination: {host: knative-local-gateway.istio-system.svc.cluster.local, port: {number: 80}}}]
    - route: [{destination: {host: persist}}]
"""


def test_routes(read: Read) -> None:
    (virtual,) = read(ROUTES, SERVICE).virtual_services

    first, last = virtual.routes
    assert first.match == (
        Match(uri_prefix="/a/", methods=("GET", "HEAD"), headers=(HeaderMatch("x-kind", exact="y"),)),
        Match(uri_regex="/b/[0-9]+"),
    )
    assert (first.rewrite_uri, first.rewrite_authority, first.timeout_s) == ("/", "persist.town.svc.cluster.local", 2.5)
    assert (last.match, last.host, last.port, last.timeout_s) == ((), "persist", None, None)
    assert last.source.line == 15


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("host: persist}", "host: nobody}"), "town.yaml:15: there is neither a Service nor a Knative Service nobody"),
        (("regex: GET|HEAD", "regex: G.*"), "is methods such as GET or GET|HEAD, not 'G.*'"),
        (("rewrite: {", "mirror: {}\n      rewrite: {"), "spec.http[0].mirror is not served yet"),
        (("timeout: 2.5s", "timeout: soon"), "is a duration such as 1m30s, not 'soon'"),
    ],
)
def test_mistakes_in_routes(read: Read, change: tuple[str, str], error: str) -> None:
    found = errors_of(read, ROUTES.replace(*change), SERVICE)

    assert any(error in each for each in found), found


BINDING = """
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: emitters, namespace: town}
spec:
  subject:
    apiVersion: serving.knative.dev/v1
    kind: Service
    selector: {matchLabels: {emits: "true"}}
  sink:
    ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}
"""


def test_a_sink_binding(read: Read) -> None:
    (binding,) = read(BINDING, BROKER).sink_bindings

    assert (binding.subject_kind, binding.subject_name, binding.subject_labels) == ("Service", None, {"emits": "true"})
    assert binding.sink == Destination(Ref("Broker", "town", "default", "eventing.knative.dev/v1"))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("name: default}", "name: other}"), "there is no Broker town/other"),
        (
            ('selector: {matchLabels: {emits: "true"}}', "name: nobody"),
            "town.yaml:6: SinkBinding emitters: spec.subject: there is no Service nobody",
        ),
        (("  sink:", "  ceOverrides: {}\n  sink:"), "spec.ceOverrides is not served yet"),
        (("    kind: Service", "    kind: Job"), "is Service or Deployment here, not 'Job'"),
    ],
)
def test_mistakes_in_a_sink_binding(read: Read, change: tuple[str, str], error: str) -> None:
    found = errors_of(read, BINDING.replace(*change), BROKER)

    assert any(error in each for each in found), found


def test_kinds_that_are_not_served_are_listed(read: Read) -> None:
    text = "apiVersion: sources.knative.dev/v1\nkind: PingSource\nmetadata: {name: daily}\nspec: {what: ever}\n"

    manifests = read(text, BROKER)

    assert [(each.kind, each.name, str(each.source)) for each in manifests.skipped] == [
        ("PingSource", "daily", "town.yaml:1")
    ]
    assert [type(each) for each in manifests.brokers] == [Broker]


def test_lists_are_unrolled_and_anchors_are_followed(read: Read) -> None:
    text = """
    apiVersion: v1
    kind: List
    items:
      - {apiVersion: eventing.knative.dev/v1, kind: Broker, metadata: &same {name: a}}
      - {apiVersion: v1, kind: ConfigMap, metadata: *same}
    """

    manifests = read(text)

    assert [broker.key for broker in manifests.brokers] == ["default/a"]
    assert [each.name for each in manifests.config_maps] == ["a"]


def test_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(TRIGGER)
    (tmp_path / "a.yml").write_text(BROKER + "---" + SERVICE)
    (tmp_path / "notes.txt").write_text("{")

    assert len(load(tmp_path).triggers) == 1


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_nothing_to_read(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ManifestErrors, match=r"no such file|holds no \.yaml"):
        load(tmp_path / what)


def test_the_products_own_manifests_are_right() -> None:
    manifests = load(Path(__file__).parents[3] / "knative" / "overlays" / "local")

    assert {service.name for service in manifests.services} >= {"persist", "progress", "simulate"}
    assert [skipped.kind for skipped in manifests.skipped] == ["Namespace"]
