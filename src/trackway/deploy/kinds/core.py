"""What Kubernetes wants of its own kinds beyond their fields' types: words, bounds, and fields that go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lightkube.models import apps_v1, autoscaling_v2, batch_v1, core_v1, meta_v1, networking_v1, policy_v1, rbac_v1
from msgspec import Struct

from trackway.deploy.shape import Rule, WholeRule
from trackway.deploy.tree import at, listing, mapping
from trackway.deploy.values import (
    annotation_texts,
    between,
    config_key,
    dns_label,
    env_name,
    every,
    image_name,
    label_key,
    label_texts,
    label_value,
    name_or_none,
    namespace_or_none,
    one_of,
    port_name,
    port_number,
    quantities,
    quantity,
    subdomain,
    texts,
    word,
)

KINDS: Mapping[tuple[str, str], type[Struct]] = {
    **{
        ("v1", kind.__name__): kind
        for kind in (
            core_v1.ConfigMap,
            core_v1.Namespace,
            core_v1.PersistentVolumeClaim,
            core_v1.Pod,
            core_v1.Secret,
            core_v1.Service,
            core_v1.ServiceAccount,
        )
    },
    **{("apps/v1", kind.__name__): kind for kind in (apps_v1.Deployment, apps_v1.StatefulSet, apps_v1.DaemonSet)},
    **{("batch/v1", kind.__name__): kind for kind in (batch_v1.Job, batch_v1.CronJob)},
    **{("networking.k8s.io/v1", kind.__name__): kind for kind in (networking_v1.NetworkPolicy, networking_v1.Ingress)},
    ("policy/v1", "PodDisruptionBudget"): policy_v1.PodDisruptionBudget,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): autoscaling_v2.HorizontalPodAutoscaler,
    **{
        ("rbac.authorization.k8s.io/v1", kind.__name__): kind
        for kind in (rbac_v1.Role, rbac_v1.RoleBinding, rbac_v1.ClusterRole, rbac_v1.ClusterRoleBinding)
    },
}

_PROTOCOL = one_of("TCP", "UDP", "SCTP")
_COUNT = between(0, 2**31 - 1)
_SOME = between(1, 2**31 - 1)
_ID = between(0, 2**31 - 1)


def _port(value: Any) -> str | None:
    """A port by its number or name."""
    return port_number(value) if isinstance(value, int) else port_name(value)


def _count_or_percent(value: Any) -> str | None:
    if isinstance(value, int):
        return _COUNT(value)
    return None if value.endswith("%") and value[:-1].isdigit() else f"is a number or a percentage, not {value!r}"


def _config_texts(value: Mapping[Any, Any]) -> str | None:
    return texts(value) or next((f"has a key that {wrong}" for key in value if (wrong := config_key(key))), None)


FIELDS: Mapping[tuple[type[Struct], str], Rule] = {
    (meta_v1.ObjectMeta, "namespace"): namespace_or_none,
    (meta_v1.ObjectMeta, "labels"): label_texts,
    (meta_v1.ObjectMeta, "annotations"): annotation_texts,
    (meta_v1.LabelSelector, "matchLabels"): label_texts,
    (meta_v1.LabelSelectorRequirement, "key"): label_key,
    (meta_v1.LabelSelectorRequirement, "values"): every(label_value),
    (meta_v1.LabelSelectorRequirement, "operator"): one_of("In", "NotIn", "Exists", "DoesNotExist"),
    (core_v1.ConfigMap, "data"): _config_texts,
    (core_v1.Secret, "data"): _config_texts,
    (core_v1.Secret, "stringData"): _config_texts,
    (core_v1.ServiceSpec, "selector"): label_texts,
    (core_v1.ServiceSpec, "type"): one_of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    (core_v1.ServiceSpec, "sessionAffinity"): one_of("None", "ClientIP"),
    (core_v1.ServicePort, "port"): port_number,
    (core_v1.ServicePort, "name"): dns_label,
    (core_v1.ServicePort, "targetPort"): _port,
    (core_v1.ServicePort, "protocol"): _PROTOCOL,
    (core_v1.PodSpec, "nodeSelector"): label_texts,
    (core_v1.PodSpec, "restartPolicy"): one_of("Always", "OnFailure", "Never"),
    (core_v1.PodSpec, "dnsPolicy"): one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    (core_v1.PodSpec, "serviceAccountName"): name_or_none,
    (core_v1.PodSpec, "terminationGracePeriodSeconds"): _COUNT,
    (core_v1.PodSecurityContext, "runAsUser"): _ID,
    (core_v1.PodSecurityContext, "runAsGroup"): _ID,
    (core_v1.PodSecurityContext, "fsGroup"): _ID,
    (core_v1.PodSecurityContext, "fsGroupChangePolicy"): one_of("Always", "OnRootMismatch"),
    (core_v1.Container, "name"): dns_label,
    (core_v1.Container, "image"): image_name,
    (core_v1.Container, "imagePullPolicy"): one_of("Always", "IfNotPresent", "Never"),
    (core_v1.Container, "terminationMessagePolicy"): one_of("File", "FallbackToLogsOnError"),
    (core_v1.ContainerPort, "name"): port_name,
    (core_v1.ContainerPort, "containerPort"): port_number,
    (core_v1.ContainerPort, "protocol"): _PROTOCOL,
    (core_v1.EnvVar, "name"): env_name,
    (core_v1.ConfigMapEnvSource, "name"): subdomain,
    (core_v1.SecretEnvSource, "name"): subdomain,
    (core_v1.ConfigMapKeySelector, "name"): subdomain,
    (core_v1.SecretKeySelector, "name"): subdomain,
    (core_v1.ResourceRequirements, "requests"): quantities,
    (core_v1.ResourceRequirements, "limits"): quantities,
    (core_v1.SecurityContext, "runAsUser"): _ID,
    (core_v1.SecurityContext, "runAsGroup"): _ID,
    (core_v1.SeccompProfile, "type"): one_of("RuntimeDefault", "Localhost", "Unconfined"),
    (core_v1.HTTPGetAction, "port"): _port,
    (core_v1.HTTPGetAction, "scheme"): one_of("HTTP", "HTTPS"),
    (core_v1.TCPSocketAction, "port"): _port,
    (core_v1.SleepAction, "seconds"): _COUNT,
    (core_v1.Probe, "initialDelaySeconds"): _COUNT,
    (core_v1.Probe, "timeoutSeconds"): _COUNT,
    (core_v1.Probe, "periodSeconds"): _COUNT,
    (core_v1.Probe, "successThreshold"): _COUNT,
    (core_v1.Probe, "failureThreshold"): _COUNT,
    (core_v1.Volume, "name"): dns_label,
    (core_v1.VolumeMount, "mountPath"): word,
    (core_v1.VolumeMount, "mountPropagation"): one_of("None", "HostToContainer", "Bidirectional"),
    (core_v1.EmptyDirVolumeSource, "medium"): one_of("", "Memory"),
    (core_v1.EmptyDirVolumeSource, "sizeLimit"): quantity,
    (core_v1.PersistentVolumeClaimSpec, "accessModes"): every(
        one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
    ),
    (core_v1.VolumeResourceRequirements, "requests"): quantities,
    (core_v1.VolumeResourceRequirements, "limits"): quantities,
    (core_v1.Toleration, "operator"): one_of("Exists", "Equal"),
    (core_v1.Toleration, "effect"): one_of("NoSchedule", "PreferNoSchedule", "NoExecute"),
    (core_v1.TopologySpreadConstraint, "whenUnsatisfiable"): one_of("DoNotSchedule", "ScheduleAnyway"),
    (core_v1.TopologySpreadConstraint, "maxSkew"): _SOME,
    (apps_v1.DeploymentSpec, "replicas"): _COUNT,
    (apps_v1.DeploymentSpec, "minReadySeconds"): _COUNT,
    (apps_v1.DeploymentSpec, "revisionHistoryLimit"): _COUNT,
    (apps_v1.DeploymentStrategy, "type"): one_of("Recreate", "RollingUpdate"),
    (apps_v1.RollingUpdateDeployment, "maxSurge"): _count_or_percent,
    (apps_v1.RollingUpdateDeployment, "maxUnavailable"): _count_or_percent,
    (apps_v1.StatefulSetSpec, "replicas"): _COUNT,
    (apps_v1.StatefulSetSpec, "podManagementPolicy"): one_of("OrderedReady", "Parallel"),
    (policy_v1.PodDisruptionBudgetSpec, "maxUnavailable"): _count_or_percent,
    (policy_v1.PodDisruptionBudgetSpec, "minAvailable"): _count_or_percent,
    (policy_v1.PodDisruptionBudgetSpec, "unhealthyPodEvictionPolicy"): one_of("IfHealthyBudget", "AlwaysAllow"),
    (networking_v1.NetworkPolicySpec, "policyTypes"): every(one_of("Ingress", "Egress")),
    (networking_v1.NetworkPolicyPort, "port"): _port,
    (networking_v1.NetworkPolicyPort, "protocol"): _PROTOCOL,
    (autoscaling_v2.HorizontalPodAutoscalerSpec, "maxReplicas"): _SOME,
    (autoscaling_v2.HorizontalPodAutoscalerSpec, "minReplicas"): _SOME,
    (autoscaling_v2.MetricSpec, "type"): one_of("ContainerResource", "External", "Object", "Pods", "Resource"),
    (autoscaling_v2.MetricTarget, "type"): one_of("Utilization", "Value", "AverageValue"),
    (autoscaling_v2.MetricTarget, "averageUtilization"): _SOME,
    (autoscaling_v2.MetricTarget, "averageValue"): quantity,
    (autoscaling_v2.MetricTarget, "value"): quantity,
    (autoscaling_v2.HPAScalingRules, "selectPolicy"): one_of("Max", "Min", "Disabled"),
    (autoscaling_v2.HPAScalingRules, "stabilizationWindowSeconds"): between(0, 3600),
    (autoscaling_v2.HPAScalingPolicy, "type"): one_of("Pods", "Percent"),
    (autoscaling_v2.HPAScalingPolicy, "value"): _SOME,
    (autoscaling_v2.HPAScalingPolicy, "periodSeconds"): between(1, 1800),
    (rbac_v1.RoleRef, "apiGroup"): one_of("rbac.authorization.k8s.io"),
    (rbac_v1.RoleRef, "kind"): one_of("Role", "ClusterRole"),
    (rbac_v1.Subject, "kind"): one_of("ServiceAccount", "User", "Group"),
    (meta_v1.OwnerReference, "name"): subdomain,
}


def exactly_one(*names: str) -> WholeRule:
    """Exactly one of these fields."""

    def check(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        there = [name for name in names if name in value]
        if len(there) != 1:
            yield "", f"takes exactly one of {', '.join(names)}; there {_counted(there)}"

    return check


def at_most_one(*names: str) -> WholeRule:
    """Not two of these fields."""

    def check(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        there = [name for name in names if name in value]
        if len(there) > 1:
            yield "", f"takes one of {', '.join(names)}; there {_counted(there)}"

    return check


def any_of(*names: str) -> WholeRule:
    """At least one of these fields."""

    def check(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if not any(name in value for name in names):
            yield "", f"names none of {', '.join(names)}"

    return check


def _counted(there: list[str]) -> str:
    return f"are {' and '.join(there)}" if there else "is none"


def needs(*names: str) -> WholeRule:
    """Fields that the type has as optional, and the API server wants."""

    def check(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield from ((name, "is missing") for name in names if value.get(name) in (None, "", [], {}))

    return check


def unique(field: str, key: str) -> WholeRule:
    """The items of a list each have a name of their own."""

    def check(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        seen: set[Any] = set()
        for index, each in enumerate(listing(value, field)):
            if each.get(key) in seen:
                yield f"{field}[{index}].{key}", f"is {each[key]}, which is there already"
            seen.add(each.get(key))

    return check


def _values_of_requirement(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wants = value["operator"] in ("In", "NotIn")
    if wants != bool(value.get("values")):
        yield "", f"with {value['operator']} takes {'values' if wants else 'no values'}"


def template_labels(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A workload selects the Pods that its template makes."""
    given = mapping(value, "template", "metadata", "labels")
    for key, wanted in mapping(value, "selector", "matchLabels").items():
        if given.get(key) != wanted:
            yield f"selector.matchLabels.{key}", f"is {wanted}, and the template's label is {given.get(key)}"


def _no_empty_selector(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not mapping(value, "selector", "matchLabels") and not listing(value, "selector", "matchExpressions"):
        yield "selector", "is empty, so it would select every Pod"


def mounts(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A container mounts what the Pod has."""
    known = {each["name"] for each in listing(value, "volumes")}
    for group in ("containers", "initContainers"):
        for index, container in enumerate(listing(value, group)):
            for place, mount in enumerate(listing(container, "volumeMounts")):
                if mount["name"] not in known:
                    there = ", ".join(sorted(known)) or "none"
                    where = f"{group}[{index}].volumeMounts[{place}].name"
                    yield where, f"is {mount['name']}, and there is no such volume; there are: {there}"


def _always_restarted(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    policy = at(value, "template", "spec", "restartPolicy") or "Always"
    if policy != "Always":
        yield "template.spec.restartPolicy", f"is Always here, not {policy}"


def _named_ports(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ports = listing(value, "ports")
    if not ports and value.get("type") != "ExternalName" and value.get("clusterIP") != "None":
        yield "ports", "is missing"
    if len(ports) > 1:
        yield from ((f"ports[{index}].name", "is missing") for index, each in enumerate(ports) if not each.get("name"))


def requests_within_limits(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nobody asks for more than he may have."""
    for name, wanted in mapping(value, "requests").items():
        most = at(value, "limits", name)
        if most is not None and _amount(wanted) > _amount(most):
            yield f"requests.{name}", f"is {wanted}, more than the limit {most}"


_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3} | {
    f"{letter}{i}": (1024.0 if i else 1000.0) ** power for power, letter in enumerate("KMGTPE", 1) for i in ("", "i")
}


def _amount(text: Any) -> float:
    """A quantity as a number."""
    number = str(text).rstrip("numkKMGTPEi")
    unit = str(text)[len(number) :]
    return float(number) * _FACTORS.get(unit, 1.0)


def _replicas_in_order(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if value.get("minReplicas", 1) > value["maxReplicas"]:
        yield "maxReplicas", f"is {value['maxReplicas']}, less than minReplicas {value['minReplicas']}"


def _some_policies(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if value.get("policies") == []:
        yield "policies", "is empty; leave it out for the default"


_METRICS = {"ContainerResource": "containerResource", "External": "external", "Object": "object", "Pods": "pods"}


def _metric_of_its_type(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    field = _METRICS.get(value["type"], "resource")
    if field not in value:
        yield field, f"is missing, with type {value['type']}"


_TARGETS = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}


def _target_of_its_type(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    field = _TARGETS[value["type"]]
    if field not in value:
        yield field, f"is missing, with type {value['type']}"


def _of_something(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "nonResourceURLs" not in value:
        yield from needs("apiGroups", "resources")(value)


def _named_account(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wrong = subdomain(value["name"]) if value["kind"] == "ServiceAccount" else word(value["name"])
    if wrong:
        yield "name", wrong


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_VALUE_SOURCES = ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")

WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    meta_v1.LabelSelectorRequirement: (_values_of_requirement,),
    core_v1.PodTemplateSpec: (needs("spec"),),
    core_v1.Probe: (exactly_one(*_HANDLERS),),
    core_v1.LifecycleHandler: (exactly_one("exec", "httpGet", "tcpSocket", "sleep"),),
    core_v1.EnvVar: (at_most_one("value", "valueFrom"),),
    core_v1.EnvVarSource: (exactly_one(*_VALUE_SOURCES),),
    core_v1.EnvFromSource: (exactly_one("configMapRef", "secretRef"),),
    core_v1.ConfigMapEnvSource: (needs("name"),),
    core_v1.SecretEnvSource: (needs("name"),),
    core_v1.ConfigMapKeySelector: (needs("name"),),
    core_v1.SecretKeySelector: (needs("name"),),
    core_v1.Container: (needs("image"), unique("volumeMounts", "mountPath"), unique("env", "name")),
    core_v1.ResourceRequirements: (requests_within_limits,),
    core_v1.PodSpec: (needs("containers"), unique("containers", "name"), unique("volumes", "name"), mounts),
    core_v1.ServiceSpec: (_named_ports, unique("ports", "name")),
    apps_v1.DeploymentSpec: (template_labels, _no_empty_selector, _always_restarted),
    apps_v1.StatefulSetSpec: (template_labels, _no_empty_selector, _always_restarted),
    apps_v1.DaemonSetSpec: (template_labels, _no_empty_selector, _always_restarted),
    networking_v1.NetworkPolicyPeer: (any_of("podSelector", "namespaceSelector", "ipBlock"),),
    rbac_v1.PolicyRule: (needs("verbs"), _of_something),
    rbac_v1.RoleRef: (needs("name"),),
    rbac_v1.Subject: (_named_account,),
    policy_v1.PodDisruptionBudgetSpec: (at_most_one("minAvailable", "maxUnavailable"),),
    autoscaling_v2.HorizontalPodAutoscalerSpec: (_replicas_in_order,),
    autoscaling_v2.CrossVersionObjectReference: (needs("apiVersion", "kind", "name"),),
    autoscaling_v2.MetricIdentifier: (needs("name"),),
    autoscaling_v2.HPAScalingRules: (_some_policies,),
    autoscaling_v2.MetricSpec: (_metric_of_its_type,),
    autoscaling_v2.MetricTarget: (_target_of_its_type,),
    **{
        kind: (needs("spec"),)
        for kind in (
            core_v1.Pod,
            core_v1.Service,
            apps_v1.Deployment,
            apps_v1.StatefulSet,
            apps_v1.DaemonSet,
            batch_v1.Job,
            batch_v1.CronJob,
            autoscaling_v2.HorizontalPodAutoscaler,
        )
    },
}
