"""Every mistake in a manifest is told with file and line, all at once, before anything runs."""

from pathlib import Path

import pytest

from knative_local.manifests import ManifestErrors, load
from tests.unit.knative_local.manifest_texts import BINDING, BROKER, GATEWAY, ROUTES, SERVICE, TRIGGER, Read, errors_of


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
        (TRIGGER.replace("  broker: default\n", ""), "7: Trigger persist: spec takes exactly one of broker, brokerRef"),
        (
            TRIGGER.replace(
                "broker: default",
                "brokerRef: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default, namespace: sea}",
            ),
            "7: Trigger persist: spec.brokerRef names sea/default, which is not there; there are town/default",
        ),
        (
            BROKER.replace("town}", "sea, annotations: {eventing.knative.dev/broker.class: Rabbit}}"),
            "'eventing.knative.dev/broker.class' is Kafka or MTChannelBasedBroker here, not 'Rabbit'",
        ),
        (TRIGGER.replace("name: persist}", "name: nobody}"), "there is no Knative Service town/nobody"),
        (
            TRIGGER.replace("kind: Service", "kind: Channel"),
            "a Channel of serving.knative.dev/v1 cannot receive events",
        ),
        (
            TRIGGER.replace("serving.knative.dev/v1, kind: Service", "messaging.knative.dev/v1, kind: Channel"),
            "there is no Channel town/persist",
        ),
        (
            TRIGGER.replace("apiVersion: serving", "group: x, apiVersion: serving"),
            "spec.subscriber.ref has the group x, and with apiVersion serving.knative.dev/v1 another one",
        ),
        (TRIGGER + "    uri: http://here/", "spec.subscriber has a ref, so uri is a path at its address"),
        (TRIGGER + "  delivery: {deadLetterSink: {uri: /here}}", "has no ref, so uri is a whole http:// address"),
        (
            TRIGGER + "  filters: [{exact: {a: b}},\n    {not: {all: [{cesql: \"type = 'a' AND\"}]}}]",
            "11: Trigger persist: spec.filters[1].not.all[0].cesql has a mistake in column 15: ends too early",
        ),
        (
            TRIGGER + "  filters:\n    - cesql: |\n        type = 'a'\n        AND LEGNTH(id) > 3\n",
            "11: Trigger persist: spec.filters[0].cesql has a mistake in line 2, column 5: there is no function LEGNTH",
        ),
        (
            TRIGGER + "  filters: [{cesql: type}]",
            "spec.filters[0].cesql has a mistake in column 1: the value is of type String, and only a Boolean lets",
        ),
        (TRIGGER + "  filters: [{cesql: true}]", "spec.filters[0].cesql is a text, not true; put it into quotes"),
        (
            TRIGGER + "  filters: [{}]",
            "spec.filters[0] takes exactly one of exact, prefix, suffix, all, any, not, cesql",
        ),
        (TRIGGER + "  filters: [{regex: {a: b}}]", "spec.filters[0].regex is not a field that is served here"),
        (
            TRIGGER + "  filters: [{prefix: {Type: b}}]",
            "spec.filters[0].prefix: a key there is the name of an attribute, of small letters and digits, not 'Type'",
        ),
        (
            TRIGGER + "  filter: {attributes: {x-y: b}}",
            "spec.filter.attributes: a key there is the name of an attribute, of small letters and digits, not 'x-y'",
        ),
        (TRIGGER + "  filters: [{exact: {a: b}, prefix: {c: d}}]", "takes exactly one of"),
        (TRIGGER + "  filters: [{any: []}]", "spec.filters[0].any is 0 entries; it has to be at least 1"),
        (TRIGGER + "  filters: [{not: {exakt: {}}}]", "did you mean 'exact'?"),
        (TRIGGER + "  filters: {exact: {a: b}}", "spec.filters is a list, not a mapping"),
        (TRIGGER + "  delivery: {retry: -1}", "spec.delivery.retry is -1; it has to be at least 0"),
        (TRIGGER + "  delivery: {backoffDelay: 5s}", "is a duration such as PT0.2S, not '5s'"),
        (TRIGGER + "  delivery: {backoffPolicy: fast}", "is linear or exponential here, not 'fast'"),
        (
            TRIGGER + "  delivery: {retryAfterMax: 5s}",
            "spec.delivery.retryAfterMax is a duration such as PT0.2S, not '5s'",
        ),
        (TRIGGER + "  delivery: {format: xml}", "spec.delivery.format is binary or json here, not 'xml'"),
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
                "  namespace: town\n  annotations: {kafka.eventing.knative.dev/delivery.order: sorted}\n",
            ),
            "is ordered or unordered here, not 'sorted'",
        ),
        (SERVICE.replace("persist,", "Persist,"), "metadata.name is a name of small letters"),
        (BROKER, "5: Broker default: is there already, at town.yaml:1"),
        (BROKER.replace("eventing.knative.dev/v1", "eventing.knative.dev/v1beta1"), "is not read, only v1"),
        ("kind: Broker\nmetadata: {name: x}", "apiVersion is missing"),
        ("just words", "is no object with apiVersion and kind"),
        ("a: [", "is not YAML"),
        ("a: 1\na: 2", "'a' stands there twice, first in line"),
        ("a: &a [*a]", "town.yaml:1: is nested deeper than 100"),
        ("a: " + "[" * 1000, "town.yaml:1: is nested deeper than 100"),
        (TRIGGER + "  filters: [" + "{not: " * 97 + "{exact: {}}" + "}" * 97 + "]", "10: is nested deeper than 100"),
        (
            "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)),
            "is more",
        ),
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
        (("spec:\n  template", "spec:\n  traffic: [{percent: 90}]\n  template"), "adds up to 90 percent, not to 100"),
        (
            ("spec:\n  template", "spec:\n  traffic: [{percent: 100, tag: a}, {tag: a}]\n  template"),
            "spec.traffic has the tag a 2 times",
        ),
        (
            ("spec:\n  template", "spec:\n  traffic: [{percent: 100, latestRevision: false}]\n  template"),
            "latestRevision is false beside no revisionName",
        ),
        (
            ("spec:\n  template", "spec:\n  traffic: [{percent: 100, configurationName: x}]\n  template"),
            "spec.traffic[0].configurationName belongs into a Route",
        ),
        (("  template:\n", "  template:\n    metadata: {name: other-1}\n"), "does not begin with 'persist-'"),
        (
            ("- command", "- readinessProbe: {exec: {command: [x]}}\n          command"),
            "readinessProbe.exec is not served: a process here is asked over its port",
        ),
        (
            ("- command", "- livenessProbe: {httpGet: {port: 9000}}\n          command"),
            "livenessProbe asks port 9000, which is not the container's",
        ),
        (
            ("- command", "- readinessProbe: {httpGet: {}, tcpSocket: {}}\n          command"),
            "readinessProbe has both httpGet and tcpSocket",
        ),
        (
            ("- command", "- startupProbe: {periodSeconds: 1}\n          command"),
            "startupProbe takes exactly one of httpGet, tcpSocket",
        ),
        (
            ("  template:\n", '  template:\n    metadata: {annotations: {autoscaling.knative.dev/metric: "cpu"}}\n'),
            "'autoscaling.knative.dev/metric' is concurrency or rps here, not 'cpu'",
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


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("name: default}", "name: other}"), "there is no Broker town/other"),
        (
            ('selector: {matchLabels: {emits: "true"}}', "name: nobody"),
            "town.yaml:6: SinkBinding emitters: spec.subject: there is no Service nobody",
        ),
        (
            ("  sink:", "  ceOverrides: {extensions: {Aa: b}}\n  sink:"),
            "spec.ceOverrides.extensions: a key there is",
        ),
        (("    kind: Service", "    kind: Job"), "spec.subject.kind is Deployment or Service here, not 'Job'"),
        (("apiVersion: serving.knative.dev/v1", "apiVersion: v1"), "of kind Service has apiVersion serving.knative"),
        (
            ('{matchLabels: {emits: "true"}}', "{matchExpressions: [{key: emits, operator: In}]}"),
            "spec.subject.selector.matchExpressions[0] with In takes values",
        ),
    ],
)
def test_mistakes_in_a_sink_binding(read: Read, change: tuple[str, str], error: str) -> None:
    found = errors_of(read, BINDING.replace(*change), BROKER)

    assert any(error in each for each in found), found


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_nothing_to_read(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ManifestErrors, match=r"no such file|holds no \.yaml"):
        load(tmp_path / what)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (("kind: Trigger", "kind: Triger"), "did you mean eventing.knative.dev Trigger?"),
        (("eventing.knative.dev/v1", "eventing.knativ.dev/v1"), "did you mean eventing.knative.dev Trigger?"),
    ],
)
def test_a_misspelt_kind_is_refused_and_not_passed_over(read: Read, wrong: tuple[str, str], meant: str) -> None:
    (error,) = errors_of(read, TRIGGER.replace(*wrong))

    assert error.startswith("town.yaml:1: ")
    assert error.endswith(meant)
