"""Manifests for tests, and how they are read."""

from collections.abc import Callable

import pytest

from knative_local.manifests import ManifestErrors
from knative_local.model import Manifests

Read = Callable[..., Manifests]

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


def errors_of(read: Read, *texts: str) -> list[str]:
    """What reading these manifests is refused with."""
    with pytest.raises(ManifestErrors) as caught:
        read(*texts)
    assert str(caught.value) == "\n".join(caught.value.errors)
    return list(caught.value.errors)
