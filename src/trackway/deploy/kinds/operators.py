"""Kinds of operators that go with Trackway: Strimzi's Kafka Connect, and Prometheus Operator's monitors and rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from lightkube.models import core_v1, meta_v1
from msgspec import Struct, field

from trackway.deploy.kinds.core import exactly_one, needs
from trackway.deploy.kinds.knative import Object
from trackway.deploy.shape import WholeRule
from trackway.deploy.tree import at
from trackway.deploy.values import annotation_texts, between, image_name, label_texts, matching, one_of, texts, word

Word = Annotated[str, word]
Settings = dict[str, str | int | float | bool | None]


class TrustedSecret(Struct):
    secretName: Word
    certificate: str | None = None
    pattern: str | None = None


class ConnectTls(Struct):
    trustedCertificates: list[TrustedSecret] | None = None


class Authentication(Struct):
    type: Word
    username: str | None = None
    passwordSecret: dict[str, Any] | None = None
    certificateAndKey: dict[str, Any] | None = None


class Artifact(Struct):
    type: Annotated[str, one_of("jar", "tgz", "zip", "maven", "other")]
    url: str | None = None
    sha512sum: str | None = None
    insecure: bool | None = None
    repository: str | None = None
    group: str | None = None
    artifact: str | None = None
    version: str | None = None
    fileName: str | None = None


class Plugin(Struct):
    name: Word
    artifacts: list[Artifact]


class Output(Struct):
    type: Annotated[str, one_of("docker", "imagestream")]
    image: Word
    pushSecret: str | None = None
    additionalBuildOptions: list[str] | None = None
    additionalPushOptions: list[str] | None = None


class Build(Struct):
    output: Output
    plugins: list[Plugin]
    resources: core_v1.ResourceRequirements | None = None


class MetricsConfig(Struct):
    type: Annotated[str, one_of("jmxPrometheusExporter", "strimziMetricsReporter")]
    valueFrom: dict[str, Any] | None = None
    values: dict[str, Any] | None = None


class TemplateMetadata(Struct):
    labels: Annotated[dict[Any, Any], label_texts] | None = None
    annotations: Annotated[dict[Any, Any], annotation_texts] | None = None


class ResourceTemplate(Struct):
    metadata: TemplateMetadata | None = None


class PodTemplate(Struct):
    metadata: TemplateMetadata | None = None
    imagePullSecrets: list[core_v1.LocalObjectReference] | None = None
    securityContext: core_v1.PodSecurityContext | None = None
    terminationGracePeriodSeconds: int | None = None
    affinity: core_v1.Affinity | None = None
    tolerations: list[core_v1.Toleration] | None = None
    topologySpreadConstraints: list[core_v1.TopologySpreadConstraint] | None = None
    priorityClassName: str | None = None
    enableServiceLinks: bool | None = None
    volumes: list[core_v1.Volume] | None = None


class TemplateValue(Struct):
    secretKeyRef: core_v1.SecretKeySelector | None = None
    configMapKeyRef: core_v1.ConfigMapKeySelector | None = None


class TemplateEnv(Struct):
    name: Word
    value: str | None = None
    valueFrom: TemplateValue | None = None


class ContainerTemplate(Struct):
    env: list[TemplateEnv] | None = None
    securityContext: core_v1.SecurityContext | None = None
    volumeMounts: list[core_v1.VolumeMount] | None = None


class ConnectTemplate(Struct):
    pod: PodTemplate | None = None
    podSet: ResourceTemplate | None = None
    podDisruptionBudget: dict[str, Any] | None = None
    apiService: ResourceTemplate | None = None
    headlessService: ResourceTemplate | None = None
    serviceAccount: ResourceTemplate | None = None
    clusterRoleBinding: ResourceTemplate | None = None
    connectContainer: ContainerTemplate | None = None
    initContainer: ContainerTemplate | None = None
    buildPod: PodTemplate | None = None
    buildContainer: ContainerTemplate | None = None


class ConnectProbe(Struct):
    initialDelaySeconds: int | None = None
    timeoutSeconds: int | None = None
    periodSeconds: int | None = None
    successThreshold: int | None = None
    failureThreshold: int | None = None


class KafkaConnectSpec(Struct):
    bootstrapServers: Word
    version: str | None = None
    replicas: Annotated[int, between(0, 2**31 - 1)] | None = None
    image: Annotated[str, image_name] | None = None
    groupId: str | None = None
    configStorageTopic: str | None = None
    statusStorageTopic: str | None = None
    offsetStorageTopic: str | None = None
    tls: ConnectTls | None = None
    authentication: Authentication | None = None
    config: Settings | None = None
    resources: core_v1.ResourceRequirements | None = None
    livenessProbe: ConnectProbe | None = None
    readinessProbe: ConnectProbe | None = None
    jvmOptions: dict[str, Any] | None = None
    logging: dict[str, Any] | None = None
    metricsConfig: MetricsConfig | None = None
    tracing: dict[str, Any] | None = None
    template: ConnectTemplate | None = None
    rack: dict[str, Any] | None = None
    plugins: list[dict[str, Any]] | None = None
    externalConfiguration: dict[str, Any] | None = None
    build: Build | None = None


class KafkaConnect(Object, kw_only=True):
    spec: KafkaConnectSpec


class AutoRestart(Struct):
    enabled: bool | None = None
    maxRestarts: int | None = None


class KafkaConnectorSpec(Struct):
    class_: Word = field(name="class")
    tasksMax: Annotated[int, between(1, 2**31 - 1)] | None = None
    autoRestart: AutoRestart | None = None
    config: Settings | None = None
    state: Annotated[str, one_of("running", "paused", "stopped")] | None = None
    pause: bool | None = None
    listOffsets: dict[str, Any] | None = None
    alterOffsets: dict[str, Any] | None = None
    version: str | None = None


class KafkaConnector(Object, kw_only=True):
    spec: KafkaConnectorSpec


class KafkaTopicSpec(Struct):
    topicName: str | None = None
    partitions: Annotated[int, between(1, 2**31 - 1)] | None = None
    replicas: Annotated[int, between(1, 2**15 - 1)] | None = None
    config: Settings | None = None


class KafkaTopic(Object, kw_only=True):
    spec: KafkaTopicSpec


PrometheusDuration = Annotated[str, matching(r"0|(\d+(ms|[smhdwy]))+", "a duration such as 30s")]


class Relabeling(Struct):
    sourceLabels: list[str] | None = None
    separator: str | None = None
    targetLabel: str | None = None
    regex: str | None = None
    modulus: int | None = None
    replacement: str | None = None
    action: str | None = None


class Endpoint(Struct):
    port: str | None = None
    portNumber: int | None = None
    targetPort: int | str | None = None
    path: str | None = None
    scheme: Annotated[str, one_of("http", "https", "HTTP", "HTTPS")] | None = None
    params: dict[str, list[str]] | None = None
    interval: PrometheusDuration | None = None
    scrapeTimeout: PrometheusDuration | None = None
    honorLabels: bool | None = None
    honorTimestamps: bool | None = None
    filterRunning: bool | None = None
    relabelings: list[Relabeling] | None = None
    metricRelabelings: list[Relabeling] | None = None


class NamespaceSelector(Struct):
    any: bool | None = None
    matchNames: list[str] | None = None


class PodMonitorSpec(Struct):
    selector: meta_v1.LabelSelector
    podMetricsEndpoints: list[Endpoint]
    jobLabel: str | None = None
    podTargetLabels: list[str] | None = None
    namespaceSelector: NamespaceSelector | None = None
    sampleLimit: int | None = None


class PodMonitor(Object, kw_only=True):
    spec: PodMonitorSpec


class ServiceMonitorSpec(Struct):
    selector: meta_v1.LabelSelector
    endpoints: list[Endpoint]
    jobLabel: str | None = None
    targetLabels: list[str] | None = None
    podTargetLabels: list[str] | None = None
    namespaceSelector: NamespaceSelector | None = None
    sampleLimit: int | None = None


class ServiceMonitor(Object, kw_only=True):
    spec: ServiceMonitorSpec


class PrometheusRuleEntry(Struct):
    expr: str | int
    record: str | None = None
    alert: str | None = None
    for_: PrometheusDuration | None = field(name="for", default=None)
    keep_firing_for: PrometheusDuration | None = None
    labels: Annotated[dict[Any, Any], texts] | None = None
    annotations: Annotated[dict[Any, Any], texts] | None = None


class RuleGroup(Struct):
    name: Word
    rules: list[PrometheusRuleEntry] | None = None
    interval: PrometheusDuration | None = None
    labels: Annotated[dict[Any, Any], label_texts] | None = None
    limit: int | None = None


class PrometheusRuleSpec(Struct):
    groups: list[RuleGroup] | None = None


class PrometheusRule(Object, kw_only=True):
    spec: PrometheusRuleSpec


def _connector_of_a_worker(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not at(value, "metadata", "labels", "strimzi.io/cluster"):
        yield "metadata.labels.strimzi.io/cluster", "is missing: which KafkaConnect runs it?"


WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    KafkaConnector: (_connector_of_a_worker,),
    PrometheusRuleEntry: (exactly_one("record", "alert"),),
    PodMonitorSpec: (needs("podMetricsEndpoints"),),
    ServiceMonitorSpec: (needs("endpoints"),),
}
