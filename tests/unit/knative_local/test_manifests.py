"""Manifests: what the model says of them."""

from pathlib import Path

from knative_local.autoscaler import target_per_instance
from knative_local.broker_classes import CHANNEL, KAFKA
from knative_local.label_selectors import Selector
from knative_local.manifests import load
from knative_local.model import Broker, Delivery, Destination, EnvFrom, EnvVar, Ref, ServicePort
from knative_local.routing_model import HeaderMatch, Match
from knative_local.serving_model import Scaling
from tests.unit.knative_local.manifest_texts import BINDING, BROKER, GATEWAY, ROUTES, SERVICE, TRIGGER, Read


def test_a_trigger_takes_its_brokers_delivery_unless_it_has_its_own(read: Read) -> None:
    broker = BROKER + "spec: {delivery: {retry: 4, timeout: PT30S, deadLetterSink: {uri: 'http://127.0.0.1:9'}}}\n"
    own = (
        TRIGGER.replace("name: persist\n", "name: own\n", 1)
        + "  delivery: {backoffPolicy: linear, backoffDelay: PT1M}\n"
    )

    first, second = read(broker, SERVICE, TRIGGER, own).triggers

    assert first.delivery == Delivery(retry=4, timeout=30.0, dead_letter_sink=Destination(uri="http://127.0.0.1:9"))
    assert second.delivery == Delivery(retry=0, backoff_policy="linear", backoff_delay=60.0)


def test_a_channel_broker_lends_its_dead_letter_sink_to_a_trigger_whose_delivery_has_none(read: Read) -> None:
    """As the real ones do (tests/conformance): its Triggers are Subscriptions to a channel with that sink."""
    sink = Destination(uri="http://127.0.0.1:9")
    kafka = BROKER + "spec: {delivery: {retry: 4, deadLetterSink: {uri: 'http://127.0.0.1:9'}}}\n"
    channel = kafka.replace(
        "namespace: town}", "namespace: town, annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}"
    )
    own = TRIGGER + "  delivery: {retry: 1}\n"

    assert read(kafka, SERVICE, own).triggers[0].delivery == Delivery(retry=1)
    assert read(channel, SERVICE, own).triggers[0].delivery == Delivery(retry=1, dead_letter_sink=sink)


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


def test_a_broker_is_of_the_kafka_class_unless_it_says_otherwise_and_its_triggers_follow(read: Read) -> None:
    """The Broker's class annotation decides whose way is followed, Kafka's by default."""
    channel = BROKER.replace("town}", "sea, annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}")
    kafka = BROKER.replace("town}", "town, annotations: {eventing.knative.dev/broker.class: Kafka}}")

    assert read(BROKER, SERVICE, TRIGGER).triggers[0].broker_class == KAFKA
    assert read(kafka).brokers[0].broker_class == KAFKA
    manifests = read(channel, SERVICE.replace("town", "sea"), TRIGGER.replace("town", "sea"))

    assert [each.broker_class for each in (*manifests.brokers, *manifests.triggers)] == [CHANNEL, CHANNEL]


def test_an_empty_value_of_an_attribute_asks_for_nothing_or_that_it_is_there_by_class(read: Read) -> None:
    """Knative's `filter.attributes`: the channel broker passes only events that have it, Kafka's passes over it."""
    trigger = TRIGGER + '  filter: {attributes: {type: a, subject: ""}}\n'
    channel = BROKER.replace("town}", "town, annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}")

    assert str(read(BROKER, SERVICE, trigger).triggers[0].filter) == "type = a"
    assert str(read(channel, SERVICE, trigger).triggers[0].filter) == "type = a and subject is there"


def test_the_entries_of_filters_stand_in_for_filter_and_have_to_pass_all(read: Read) -> None:
    """OBSERVED-KAFKA, Filters: `filters` replaces `filter`; entries are ANDed; an empty value or map is passed over."""
    filters = (
        "  filter: {attributes: {type: a}}\n  filters: [{cesql: id > 3}, {exact: {}}, {not: {prefix: {type: c}}}]\n"
    )

    filter = read(BROKER, SERVICE, TRIGGER + filters).triggers[0].filter

    assert filter.matches({"id": "4", "type": "b"})
    assert not filter.matches({"id": "3", "type": "a"})
    assert not filter.matches({"id": "4", "type": "c"})


def test_a_broker_ref_reaches_a_broker_of_another_namespace(read: Read) -> None:
    """Knative's `spec.brokerRef` (CrossNamespaceEventLinks): its Broker may be in another namespace."""
    ref = "brokerRef: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default, namespace: sea}"
    far = BROKER.replace("town", "sea") + "spec: {delivery: {retry: 4}}\n"

    (trigger,) = read(far, BROKER, SERVICE, TRIGGER.replace("broker: default", ref)).triggers

    assert (trigger.key, trigger.broker_key, trigger.delivery.retry) == ("town/persist", "sea/default", 4)
    (near,) = read(BROKER, SERVICE, TRIGGER.replace("broker: default", ref.replace(", namespace: sea", ""))).triggers
    assert near.broker_key == "town/default"


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
    assert (service.scaling.min_scale, service.scaling.max_scale, service.scaling.initial_scale) == (1, 4, 2)
    assert (service.concurrency, target_per_instance(service)) == (5, 4.0)
    assert (service.scaling.window_s, service.timeout_seconds, service.scaling.retention_s) == (90.0, 20.0, 10.0)
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

    assert service.scaling == Scaling()
    assert (service.concurrency, target_per_instance(service), service.timeout_seconds) == (0, 70.0, 300.0)


def test_a_deployment_and_its_service(read: Read) -> None:
    manifests = read(GATEWAY)

    assert manifests.deployments[0].labels == {"app": "gateway"}
    assert manifests.core_services[0].ports == (ServicePort(80, target="http"),)


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


def test_a_sink_binding(read: Read) -> None:
    (binding,) = read(BINDING, BROKER).sink_bindings

    assert (binding.subject_kind, binding.subject_name) == ("Service", None)
    assert binding.selector == Selector({"emits": "true"})
    assert binding.sink == Destination(Ref("Broker", "town", "default", "eventing.knative.dev/v1"))


def test_a_container_source_is_a_deployment_with_a_sink_binding(read: Read) -> None:
    """As Knative's controller makes it: `NAME-deployment`, and a SinkBinding whose subject that is."""
    text = """
    apiVersion: sources.knative.dev/v1
    kind: ContainerSource
    metadata: {name: beats, namespace: town}
    spec:
      template:
        metadata: {labels: {app: beats}}
        spec: {containers: [{command: [python, -m, beats], env: [{name: PACE, value: "1"}]}]}
      sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
      ceOverrides: {extensions: {origin: town}}
    """

    manifests = read(text, BROKER)

    (made,), (binding,) = manifests.deployments, manifests.sink_bindings
    assert (made.key, made.container.command) == ("town/beats-deployment", ("python", "-m", "beats"))
    assert (binding.subject_kind, binding.subject_name) == ("Deployment", "beats-deployment")
    assert binding.overrides == {"origin": "town"}


def test_kinds_that_are_not_served_are_listed(read: Read) -> None:
    text = "apiVersion: sources.knative.dev/v1\nkind: ApiServerSource\nmetadata: {name: daily}\nspec: {what: ever}\n"

    manifests = read(text, BROKER)

    assert [(each.kind, each.name, str(each.source)) for each in manifests.skipped] == [
        ("ApiServerSource", "daily", "town.yaml:1")
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


def test_the_products_own_manifests_are_right() -> None:
    manifests = load(Path(__file__).parents[3] / "knative" / "overlays" / "local")

    assert {service.name for service in manifests.services} >= {"persist", "progress", "simulate"}
    assert [skipped.kind for skipped in manifests.skipped] == ["Namespace"]
