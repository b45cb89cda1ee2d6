"""Whether what a manifest names is there: what Triggers, containers and SinkBindings refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from knative_local.fields.workloads import PRELOAD
from knative_local.model import Container, KnService, Manifests, Ref
from knative_local.source import Source
from knative_local.yaml_tree import Errors, find
from knative_local.yaml_tree import Mapping as Document

DEFAULT_PORT: Final = 8080
"""Knative's, of a container that names none."""


def check_references(manifests: Manifests, documents: Mapping[Source, Document], errors: Errors) -> None:
    """Note every name of a ConfigMap, Secret or subject that nothing has, and annotations of a Service that contradict
    each other or its command."""
    texts = {("ConfigMap", each.namespace, each.name): each.data for each in manifests.config_maps}
    texts |= {("Secret", each.namespace, each.name): each.data for each in manifests.secrets}
    for owner, source, container in _containers(manifests):
        for ref, key in _wanted(container):
            data = texts.get((ref.kind, ref.namespace, ref.name))
            if data is None:
                errors.add(source, f"{owner}: there is no {ref.kind} {ref.name} in {ref.namespace}")
            elif key is not None and key not in data:
                errors.add(source, f"{owner}: {ref.kind} {ref.name} has no key {key}")
    for service in manifests.services:
        _check_service(service, errors)
    _check_subjects(manifests, documents, errors)


def _containers(manifests: Manifests) -> Iterator[tuple[str, Source, Container]]:
    for service in manifests.services:
        yield f"Service {service.name}", service.source, service.container
    for deployment in manifests.deployments:
        yield f"Deployment {deployment.name}", deployment.source, deployment.container


def _wanted(container: Container) -> Iterator[tuple[Ref, str | None]]:
    """What has to be there: an object, or a key of one."""
    for group in container.env_from:
        if not group.optional:
            yield group.ref, None
    for variable in container.env:
        if variable.ref is not None and not variable.optional:
            yield variable.ref, variable.key


def _check_service(service: KnService, errors: Errors) -> None:
    for text in _contradictions(service):
        errors.add(service.source, f"Service {service.name}: {text}")


def _contradictions(service: KnService) -> Iterator[str]:
    """What Knative's webhook refuses, and an annotation of ours at the wrong place."""
    scaling = service.scaling
    if scaling.max_scale and scaling.max_scale < scaling.min_scale:
        yield f"max-scale {scaling.max_scale} is less than min-scale {scaling.min_scale}"
    if scaling.activation_scale and scaling.activation_scale < scaling.min_scale:
        yield f"activation-scale {scaling.activation_scale} is less than min-scale {scaling.min_scale}"
    if scaling.max_scale and scaling.max_scale < scaling.activation_scale:
        yield f"max-scale {scaling.max_scale} is less than activation-scale {scaling.activation_scale}"
    yield from _contradictions_of_traffic(service)
    yield from _contradictions_of_probes(service)
    words = (*service.container.command, *service.container.args)
    if service.preload and not (words[0] in {"python", "python3"} and words[1:2] == ("-m",) and words[2:]):
        yield f"{PRELOAD} is for what is started as `python -m MODULE`, not for `{' '.join(words)}`"


def _contradictions_of_probes(service: KnService) -> Iterator[str]:
    """A process here listens on one port, the one it is told: that is what a probe asks."""
    container: dict[str, Any] = cast("Any", service.template)["spec"]["containers"][0]
    own = {0, service.container.port or DEFAULT_PORT, service.container.port_name}
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        probe: dict[str, Any] = container.get(name) or {}
        handlers = [handler for handler in ("httpGet", "tcpSocket") if handler in probe]
        if len(handlers) > 1:
            yield f"{name} has both httpGet and tcpSocket"
        for handler in handlers:
            asked: dict[str, Any] = probe[handler] or {}
            port: int | str = asked.get("port", 0)
            if port not in own:
                yield f"{name} asks port {port}, which is not the container's"


def _contradictions_of_traffic(service: KnService) -> Iterator[str]:
    if service.revision and not service.revision.startswith(f"{service.name}-"):
        yield f"spec.template.metadata.name {service.revision} does not begin with '{service.name}-'"
    total = sum(target.percent for target in service.traffic)
    if total != 100:
        yield f"spec.traffic adds up to {total} percent, not to 100"
    for tag, count in Counter(target.tag for target in service.traffic if target.tag).items():
        if count > 1:
            yield f"spec.traffic has the tag {tag} {count} times"
    for target in service.traffic:
        if target.latest is not None and target.latest == (target.revision is not None):
            named = f"the revisionName {target.revision}" if target.revision else "no revisionName"
            yield f"spec.traffic: latestRevision is {str(target.latest).lower()} beside {named}"


def _check_subjects(manifests: Manifests, documents: Mapping[Source, Document], errors: Errors) -> None:
    """A SinkBinding by name has to find its subject; one by labels may find none, as on a cluster."""
    names = {("Service", each.namespace, each.name) for each in manifests.services}
    names |= {("Deployment", each.namespace, each.name) for each in manifests.deployments}
    for binding in manifests.sink_bindings:
        subject = (binding.subject_kind, binding.subject_namespace, binding.subject_name)
        if binding.subject_name is not None and subject not in names:
            at = find(documents[binding.source], "spec", "subject")
            text = f"spec.subject: there is no {binding.subject_kind} {binding.subject_name} to bind"
            errors.add(at.source if at else binding.source, f"SinkBinding {binding.name}: {text}")
