"""Fields of what runs and what it is given: Knative Service, Deployment, v1 Service, ConfigMap, Secret."""

from __future__ import annotations

from knative_local.fields.probes import LIVENESS, READINESS, STARTUP
from knative_local.fields.shapes import CLUSTER_ONLY, NOT_YET, TEXTS, document, metadata
from knative_local.schema import (
    Annotations,
    Either,
    ListOf,
    MapOf,
    Matching,
    Number,
    Object,
    Period,
    Refused,
    Shape,
    Text,
    Whole,
    YesNo,
)

AUTOSCALING = "autoscaling.knative.dev/"
LOCAL = "local.knative.dev/"
PRELOAD = LOCAL + "preload"
LISTEN = LOCAL + "listen"

_MODULE = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_NO_VOLUMES = Refused("is not served: a process here sees the machine's own files")
_ELSEWHERE = Refused("belongs under spec.template.metadata.annotations; here it has no effect")
_KEY_REF = Object({"name": Text(), "key": Text(), "optional": YesNo()}, required=("name", "key"))
_NAME_REF = Object({"name": Text(), "optional": YesNo()}, required=("name",))
_ENV = Object(
    {
        "name": Text(),
        "value": Text(),
        "valueFrom": Object(
            {
                "configMapKeyRef": _KEY_REF,
                "secretKeyRef": _KEY_REF,
                "fieldRef": Refused("is not served: there is no Pod here"),
                "resourceFieldRef": Refused("is not served: there is no Pod here"),
            },
            one_of=("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"),
        ),
    },
    required=("name",),
)
_ENV_FROM = Object(
    {"prefix": Text(), "configMapRef": _NAME_REF, "secretRef": _NAME_REF}, one_of=("configMapRef", "secretRef")
)
_CONTAINER = Object(
    {
        "command": ListOf(Text(), least=1),
        "args": ListOf(Text()),
        "env": ListOf(_ENV),
        "envFrom": ListOf(_ENV_FROM),
        "ports": ListOf(
            Object({"containerPort": Whole(1, 65_535), "name": Text(), "protocol": Text(("TCP",))}), most=1
        ),
        "name": CLUSTER_ONLY,
        "image": CLUSTER_ONLY,
        "imagePullPolicy": CLUSTER_ONLY,
        "resources": CLUSTER_ONLY,
        "securityContext": CLUSTER_ONLY,
        "livenessProbe": CLUSTER_ONLY,
        "readinessProbe": CLUSTER_ONLY,
        "startupProbe": CLUSTER_ONLY,
        "terminationMessagePath": CLUSTER_ONLY,
        "terminationMessagePolicy": CLUSTER_ONLY,
        "volumeMounts": _NO_VOLUMES,
        "workingDir": Refused("is not served: a process here starts in the project's root"),
        "lifecycle": NOT_YET,
    },
    required=("command",),
)
_SERVING_CONTAINER = Object(
    {**_CONTAINER.fields, "readinessProbe": READINESS, "livenessProbe": LIVENESS, "startupProbe": STARTUP},
    required=_CONTAINER.required,
)
POD: dict[str, Shape] = {
    "containers": ListOf(_CONTAINER, least=1, most=1),
    "initContainers": NOT_YET,
    "volumes": _NO_VOLUMES,
    "serviceAccountName": CLUSTER_ONLY,
    "automountServiceAccountToken": CLUSTER_ONLY,
    "enableServiceLinks": CLUSTER_ONLY,
    "imagePullSecrets": CLUSTER_ONLY,
    "securityContext": CLUSTER_ONLY,
    "nodeSelector": CLUSTER_ONLY,
    "affinity": CLUSTER_ONLY,
    "tolerations": CLUSTER_ONLY,
    "topologySpreadConstraints": CLUSTER_ONLY,
    "priorityClassName": CLUSTER_ONLY,
    "runtimeClassName": CLUSTER_ONLY,
}
_SCALING = Annotations(
    {
        AUTOSCALING + "min-scale": Whole(0),
        AUTOSCALING + "max-scale": Whole(0),
        AUTOSCALING + "initial-scale": Whole(0),
        AUTOSCALING + "target": Number(0.01),
        AUTOSCALING + "target-utilization-percentage": Number(1, 100),
        AUTOSCALING + "window": Period(go=True, least=6, most=3_600),
        AUTOSCALING + "scale-to-zero-pod-retention-period": Period(go=True, most=3_600),
        AUTOSCALING + "metric": Text(("concurrency", "rps")),
        AUTOSCALING + "activation-scale": Whole(2),
        AUTOSCALING + "panic-window-percentage": Number(1, 100),
        AUTOSCALING + "panic-threshold-percentage": Number(110, 1_000),
        AUTOSCALING + "target-burst-capacity": Matching(r"-1|\d+(\.\d+)?", "-1 or a number from 0 on"),
        AUTOSCALING + "scale-down-delay": Period(go=True, most=3_600),
        AUTOSCALING + "class": Text(("kpa.autoscaling.knative.dev",)),
        LISTEN: Matching(r"auto|[1-9]\d{0,4}", "a port number or auto"),
        PRELOAD: Matching(rf"{_MODULE}(\s*,\s*{_MODULE})*", "names of Python modules, with commas between them"),
    },
    guarded=(AUTOSCALING, LOCAL),
)


def template(
    spec: dict[str, Shape],
    annotations: Annotations,
    required: tuple[str, ...] = ("containers",),
    name: Shape = CLUSTER_ONLY,
) -> Object:
    """The shape of a Pod template whose spec has these fields."""
    metadata: dict[str, Shape] = {
        "name": name,
        "creationTimestamp": CLUSTER_ONLY,
        "labels": TEXTS,
        "annotations": annotations,
    }
    return Object(
        {"metadata": Object(metadata), "spec": Object(spec, required=required)},
        required=("spec",),
    )


_LABEL = "a name of small letters, digits and '-' that begins with a letter"
_DNS_LABEL = Matching(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", _LABEL)
_TRAFFIC = Object(
    {
        "revisionName": Text(),
        "latestRevision": YesNo(),
        "percent": Whole(0, 100),
        "tag": _DNS_LABEL,
        "configurationName": Refused("belongs into a Route; a Service's traffic goes to its own revisions"),
        "url": Refused("is told by Knative, not to it"),
    }
)
KN_SERVICE = document(
    Object(
        {
            "template": template(
                {
                    **POD,
                    "containers": ListOf(_SERVING_CONTAINER, least=1, most=1),
                    "containerConcurrency": Whole(0, 1_000),
                    "timeoutSeconds": Whole(0, 600),
                    "responseStartTimeoutSeconds": Whole(0, 600),
                    "idleTimeoutSeconds": Whole(0, 600),
                },
                _SCALING,
                name=_DNS_LABEL,
            ),
            "traffic": ListOf(_TRAFFIC),
        },
        required=("template",),
    ),
    Annotations(dict.fromkeys(_SCALING.known, _ELSEWHERE), guarded=(AUTOSCALING, LOCAL)),
)
DEPLOYMENT = document(
    Object(
        {
            "replicas": Whole(1, 1),
            "template": template(
                {**POD, "terminationGracePeriodSeconds": CLUSTER_ONLY, "restartPolicy": Text(("Always",))},
                Annotations(),
            ),
            "selector": CLUSTER_ONLY,
            "strategy": CLUSTER_ONLY,
            "minReadySeconds": CLUSTER_ONLY,
            "revisionHistoryLimit": CLUSTER_ONLY,
            "progressDeadlineSeconds": CLUSTER_ONLY,
        },
        required=("template",),
    )
)
_PORT = Either((Whole(1, 65_535), Text()))
CORE_SERVICE = document(
    Object(
        {
            "selector": MapOf(Text(), least=1),
            "ports": ListOf(
                Object(
                    {
                        "port": Whole(1, 65_535),
                        "name": Text(),
                        "targetPort": _PORT,
                        "protocol": Text(("TCP",)),
                        "appProtocol": CLUSTER_ONLY,
                        "nodePort": CLUSTER_ONLY,
                    },
                    required=("port",),
                ),
                least=1,
            ),
            "type": Text(("ClusterIP", "NodePort", "LoadBalancer")),
            "clusterIP": CLUSTER_ONLY,
            "sessionAffinity": CLUSTER_ONLY,
            "publishNotReadyAddresses": CLUSTER_ONLY,
        },
        required=("selector", "ports"),
    )
)


def _texts(fields: dict[str, Shape]) -> Object:
    common: dict[str, Shape] = {
        "apiVersion": Text(),
        "kind": Text(),
        "metadata": metadata(Annotations()),
        "immutable": CLUSTER_ONLY,
    }
    return Object({**common, **fields}, required=("metadata",))


CONFIG_MAP = _texts({"data": TEXTS, "binaryData": NOT_YET})
_BASE64 = Matching(r"(?:[A-Za-z0-9+/\s]{4})*(?:[A-Za-z0-9+/\s]{2}==|[A-Za-z0-9+/\s]{3}=)?\s*", "base64")
SECRET = _texts({"data": MapOf(_BASE64), "stringData": TEXTS, "type": CLUSTER_ONLY})
