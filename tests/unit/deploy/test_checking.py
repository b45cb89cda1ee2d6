"""What `trackway deploy render --check` says of a small set of manifests, and of each mistake in it."""

from __future__ import annotations

import pytest

from trackway.deploy.checking import Grammars, check
from trackway.deploy.manifest import InvalidManifests, parse

GOOD = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: town}
data: {COLOUR: red}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: functions, namespace: town}
---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default, namespace: town, annotations: {eventing.knative.dev/broker.class: MTChannelBasedBroker}}
spec:
  delivery:
    retry: 8
    backoffPolicy: exponential
    backoffDelay: PT0.2S
    deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: persist, namespace: town, labels: {emits: "true"}}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/max-scale: "4", autoscaling.knative.dev/window: 30s}
    spec:
      timeoutSeconds: 60
      serviceAccountName: functions
      containers:
        - image: registry.example.com/functions:1.0
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: by-hand}}]
          env: [{name: COLOUR, valueFrom: {configMapKeyRef: {name: settings, key: COLOUR}}}]
          volumeMounts: [{name: scratch, mountPath: /tmp}]
          resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 256Mi}}
      volumes: [{name: scratch, emptyDir: {}}]
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: persist, namespace: town}
spec:
  broker: default
  filters: [{any: [{exact: {type: a.b}}]}, {not: {cesql: "true"}}]
  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}}
---
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: functions, namespace: town}
spec:
  subject: {apiVersion: serving.knative.dev/v1, kind: Service, selector: {matchLabels: {emits: "true"}}}
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
---
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: hourly, namespace: town}
spec:
  schedule: "17 * * * *"
  contentType: application/json
  data: "{}"
  sink: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: town}
spec:
  replicas: 2
  selector: {matchLabels: {app: gateway}}
  template:
    metadata: {labels: {app: gateway}}
    spec:
      containers:
        - name: gateway
          image: registry.example.com/gateway:1.0
          ports: [{name: http, containerPort: 8081}]
          readinessProbe: {httpGet: {path: /healthz, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: town}
spec:
  selector: {app: gateway}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: town}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["town.example.com"],
    tls: {mode: SIMPLE, credentialName: town-certificate}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: town, namespace: town}
spec:
  hosts: ["*"]
  gateways: [door]
  http:
    - match: [{uri: {prefix: /v1}}]
      timeout: 10s
      route: [{destination: {host: gateway, port: {number: 80}}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: town}
spec:
  action: ALLOW
  rules: [{from: [{source: {namespaces: [town]}}], to: [{operation: {methods: [GET], ports: ["8081"]}}]}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: gateway, namespace: town}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: gateway}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: gateway, namespace: town}
spec:
  podSelector: {matchLabels: {app: gateway}}
  policyTypes: [Ingress]
  ingress: [{from: [{namespaceSelector: {}}], ports: [{port: http}]}]
"""


def wrong(text: str) -> list[str]:
    grammars = Grammars(
        cesql=lambda text: None if text == "true" else "has a mistake",
        cron=lambda text: None if text.count(" ") == 4 else "has other than five places",
    )
    return [str(each) for each in check(parse(text), grammars).mistakes]


def test_nothing_is_wrong_with_what_is_right() -> None:
    verdict = check(parse(GOOD))
    assert verdict.mistakes == ()
    assert verdict.unknown == ()


def test_what_has_to_be_made_by_hand_is_told() -> None:
    assert check(parse(GOOD)).needed == (
        "Secret the ingress gateway's namespace/town-certificate",
        "Secret town/by-hand",
    )


def test_what_is_only_an_example_is_told_once_with_where_it_is() -> None:
    assert check(parse(GOOD)).examples == (
        "registry.example.com/functions:1.0 in Service persist",
        "registry.example.com/gateway:1.0 in Deployment gateway",
        "town.example.com in Gateway door",
    )


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        # unknown fields
        (("filters:", "fliters:"), "Trigger persist: spec.fliters is not a field; did you mean filters?"),
        (("retry: 8", "retyr: 8"), "Broker default: spec.delivery.retyr is not a field; did you mean retry?"),
        (("envFrom:", "envfrom:"), "containers[0].envfrom is not a field; did you mean envFrom?"),
        (("maxUnavailable:", "maxUnavailabel:"), "spec.maxUnavailabel is not a field; did you mean maxUnavailable?"),
        (("policyTypes:", "policytypes:"), "spec.policytypes is not a field; did you mean policyTypes?"),
        (("timeout: 10s", "timeuot: 10s"), "spec.http[0].timeuot is not a field; did you mean timeout?"),
        (("methods:", "method:"), "to[0].operation.method is not a field; did you mean methods?"),
        (("metadata: {name: settings", "metdata: {name: settings"), "metdata is not a field; did you mean metadata?"),
        (("kind: Trigger", "kind: Triger"), "did you mean eventing.knative.dev/v1 Trigger?"),
        (("eventing.knative.dev/v1\nkind: Trigger", "eventing.knativ.dev/v1\nkind: Trigger"), "did you mean"),
        # types
        (("retry: 8", 'retry: "8"'), "spec.delivery.retry is a whole number, not '8'"),
        (("replicas: 2", "replicas: two"), "Deployment gateway: spec.replicas is a whole number, not 'two'"),
        (('hosts: ["*"]', 'hosts: "*"'), "VirtualService town: spec.hosts is a list, not '*'"),
        (
            ("COLOUR: red", "COLOUR: 5"),
            "ConfigMap settings: data has 5 for COLOUR, which is no text; put it into quotes",
        ),
        (('max-scale: "4"', "max-scale: 4"), "which is no text; put it into quotes"),
        (("subscriber: {ref:", "subscriber: {uri:"), "spec.subscriber.uri is a text, not a mapping"),
        (("name: default, namespace: town, annotations", "name: [default], namespace: town, annotations"), "is a text"),
        # words and bounds
        (("backoffPolicy: exponential", "backoffPolicy: exponental"), "did you mean exponential?"),
        (("PT0.2S", "0.2s"), "spec.delivery.backoffDelay is a duration such as PT0.2S (ISO 8601), not '0.2s'"),
        (("timeout: 10s", "timeout: 10"), "spec.http[0].timeout is a text, not 10"),
        (("timeout: 10s", "timeout: soon"), "is a duration such as 1m30s, not 'soon'"),
        (("timeoutSeconds: 60", "timeoutSeconds: 2000"), "is 2000; it has to be between 0 and 600"),
        (("memory: 64Mi", "memory: 64MiB"), "has a memory that is a quantity such as 500m or 64Mi, not '64MiB'"),
        (("memory: 64Mi", "memory: 1Gi"), "requests.memory is 1Gi, more than the limit 256Mi"),
        (("window: 30s", "window: 2s"), "window is 2s; it has to be between 6 s and 3600 s"),
        (
            ("autoscaling.knative.dev/window", "autoscaling.knative.dev/widnow"),
            "did you mean autoscaling.knative.dev/w",
        ),
        (("MTChannelBasedBroker", "MTChannelBroker"), "did you mean MTChannelBasedBroker?"),
        (("action: ALLOW", "action: PERMIT"), "spec.action is ALLOW, DENY, AUDIT, CUSTOM; not 'PERMIT'"),
        (("policyTypes: [Ingress]", "policyTypes: [Ingres]"), "not 'Ingres'; did you mean Ingress?"),
        (("functions:1.0", "Functions:1.0"), "image is an image such as registry.example.com/name:tag, not"),
        (("port: 80, t", "port: 80000, t"), "spec.ports[0].port is 80000; it has to be between 1 and 65535"),
        (('ports: ["8081"]', 'ports: ["http"]'), "operation.ports[0] is a port's number in quotes, not 'http'"),
        (("{exact: {type: a.b}}", "{exact: {Type: a.b}}"), "has a key that is the name of an attribute"),
        (("{exact: {type: a.b}}", "{exact: {type: 5}}"), "has no text for type; put it into quotes"),
        (('cesql: "true"', 'cesql: "tru"'), "spec.filters[1].not.cesql has a mistake"),
        (('schedule: "17 * * * *"', "schedule: hourly"), "spec.schedule has other than five places"),
        (('data: "{}"', 'data: "{"'), "spec.data is no JSON, which contentType says it is"),
        # what has to be there, and together
        (
            ("  subscriber: {ref: {apiVersion: serving.knative.dev/v1, kind: Service, name: persist}}\n", ""),
            "is missing",
        ),
        (("  broker: default\n", ""), "spec takes exactly one of broker, brokerRef; there is none"),
        (("image: registry.example.com/gateway:1.0", "command: [x]"), "containers[0].image is missing"),
        (
            ("matchLabels: {app: gateway}}\n  template", "matchLabels: {app: gatway}}\n  template"),
            "the template's label is",
        ),
        (("mountPath: /tmp", "mountPath: /tmp, medium: Memory"), "volumeMounts[0].medium is not a field"),
        (("[{name: scratch, mountPath", "[{name: scrach, mountPath"), "is scrach, and there is no such volume"),
        (("httpGet: {path: /healthz, port: http}", "periodSeconds: 5"), "takes exactly one of exec, httpGet"),
        (("[{uri: {prefix: /v1}}]", "[{uri: {prefix: /v1, exact: /}}]"), "takes exactly one of exact, prefix, regex"),
        (
            (
                'serving.knative.dev/v1, kind: Service, selector: {matchLabels: {emits: "true"}}}',
                "serving.knative.dev/v1, kind: Service}",
            ),
            "takes exactly one of name, selector",
        ),
        (
            ("sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}", "sink: {}"),
            "needs ref or",
        ),
        (("tls: {mode: SIMPLE, credentialName: town-certificate}", "tls: {mode: SIMPLE}"), "which Secret has the cert"),
        # references
        (
            ("broker: default", "broker: defautl"),
            "spec.broker names the Broker defautl, which is not there; did you mean",
        ),
        (
            (
                "kind: Service, name: persist}}\n---\napiVersion: sources",
                "kind: Service, name: persits}}\n---\napiVersion: sources",
            ),
            "Trigger persist: spec.subscriber.ref names the Service persits, which is not there; did you mean persist?",
        ),
        (
            ("kind: Broker, name: default", "kind: Broker, name: other"),
            "SinkBinding functions: spec.sink.ref names the B",
        ),
        (
            (
                "deadLetterSink: {ref: {apiVersion: serving.knative.dev/v1",
                "deadLetterSink: {ref: {apiVersion: serving.knative.dev/v2",
            ),
            "names Service of serving.knative.dev/v2, and there is none; did you mean serving.knative.dev/v1?",
        ),
        (
            ('emits: "true"}}}', 'emits: "yes"}}}'),
            "spec.subject selects no Service of serving.knative.dev/v1 (emits=yes)",
        ),
        (("configMapRef: {name: settings}", "configMapRef: {name: setings}"), "did you mean settings?"),
        (
            ("name: settings, key: COLOUR", "name: settings, key: COLOR"),
            "is COLOR, which ConfigMap settings has not; did",
        ),
        (("serviceAccountName: functions", "serviceAccountName: function"), "did you mean functions?"),
        (("selector: {app: gateway}", "selector: {app: gatewy}"), "Service gateway: spec.selector selects no Pod"),
        (("targetPort: http", "targetPort: htpt"), "spec.ports[0].targetPort is htpt, which no container has; did you"),
        (("port: http}}\n---\napiVersion: v1", "port: htpt}}\n---\napiVersion: v1"), "which is no port of it; did you"),
        (("gateways: [door]", "gateways: [dor]"), "names the Gateway dor, which is not there; did you mean door?"),
        (
            ("host: gateway, port: {number: 80}", "host: gateway, port: {number: 81}"),
            "port 81, and Service gateway has 80",
        ),
        (("host: gateway,", "host: gatewy.town.svc.cluster.local,"), "names the Service gatewy, which is not there"),
        (
            (
                "selector: {matchLabels: {app: gateway}}}\n---\napiVersion: networking.k8s",
                "selector: {matchLabels: {app: x}}}\n---\napiVersion: networking.k8s",
            ),
            "PodDisruptionBudget gateway: spec.selector selects no Pod (app=x)",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_meant(change: tuple[str, str], mistake: str) -> None:
    assert change[0] in GOOD
    found = wrong(GOOD.replace(*change, 1))
    assert any(mistake in each for each in found), found


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("retry: 8", "retyr: many").replace("PT0.2S", "soon").replace("replicas: 2", "replica: 2")
    assert len(wrong(text)) == 3


def test_a_field_that_is_misspelt_is_not_told_as_missing_too() -> None:
    (found,) = wrong(GOOD.replace("  broker: default\n  filters", "  broekr: default\n  filters"))
    assert found == "Trigger persist: spec.broekr is not a field; did you mean broker?"
    assert wrong("apiVersion: v1\nkind: ConfigMap\nmetdata: {name: x}\n") == [
        "ConfigMap: metdata is not a field; did you mean metadata?"
    ]


def test_the_same_object_twice_is_a_mistake() -> None:
    (found,) = wrong(f"{GOOD}---\n{GOOD.partition('---')[0]}")
    assert found == "ConfigMap settings: metadata.name is there twice"


def test_a_secret_that_only_one_names_otherwise_is_a_misspelling() -> None:
    service = (
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: NAME, namespace: town}\nspec: {template:"
    )
    service += " {spec: {containers: [{image: a/b:1, envFrom: [{secretRef: {name: SECRET}}]}]}}}\n"
    three = [("one", "town-store"), ("two", "town-store"), ("three", "town-stroe")]
    text = "---\n".join(service.replace("NAME", name).replace("SECRET", secret) for name, secret in three)
    (found,) = wrong(text)
    assert found.endswith(
        "envFrom[0].secretRef.name names the Secret town-stroe; did you mean town-store, as others do?"
    )


def test_replicas_that_a_scaler_sets_too_are_a_mistake() -> None:
    scaler = """---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: gateway, namespace: town}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: gateway}
  minReplicas: 2
  maxReplicas: 8
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]
"""
    assert wrong(GOOD.replace("  replicas: 2\n", "") + scaler) == []
    (found,) = wrong(GOOD + scaler)
    assert found == (
        "HorizontalPodAutoscaler gateway: spec.scaleTargetRef scales the Deployment gateway, whose manifest sets "
        "spec.replicas too; leave them out there, or each apply takes back what was scaled"
    )


def test_a_role_may_be_called_as_kubernetes_calls_its_own() -> None:
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: 'town:reader', namespace: town}\n"
    assert wrong(role + "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n") == []
    assert wrong(role + "rules: [{resources: [pods], verbs: [get]}]\n") == [
        "Role town:reader: rules[0].apiGroups is missing"
    ]
    assert wrong("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'town:settings'}\n") == [
        "ConfigMap town:settings: metadata.name is a name of small letters, digits, '-' and '.', not 'town:settings'"
    ]


def test_a_kind_that_is_not_known_is_named_and_not_refused() -> None:
    verdict = check(parse("apiVersion: example.com/v1\nkind: Balloon\nmetadata: {name: red}\nspec: {gas: helium}\n"))
    assert [str(each) for each in verdict.unknown] == ["Balloon red"]
    assert verdict.mistakes == ()


@pytest.mark.parametrize(("text", "why"), [("a: [", "no YAML"), ("just words", "not an object with apiVersion")])
def test_what_is_no_manifest_at_all_is_said_so(text: str, why: str) -> None:
    with pytest.raises(InvalidManifests, match=why):
        parse(text)


def test_a_moment_is_a_text_as_it_is_to_kubernetes() -> None:
    (found,) = parse("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {day: 2026-11-26}\n")
    assert found.tree["data"] == {"day": "2026-11-26"}
