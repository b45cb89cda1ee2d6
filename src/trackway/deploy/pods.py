"""The Pods that manifests make: of Deployments and other workloads, and of Knative Services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trackway.deploy.manifest import Manifest
from trackway.deploy.tree import Tree, listing, mapping

_TEMPLATES = {
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("serving.knative.dev", "Service"),
}


@dataclass(frozen=True, slots=True)
class Container:
    """A container, and where it stands in its manifest."""

    path: str
    tree: Tree

    @property
    def ports(self) -> Sequence[Tree]:
        """The ports that it names."""
        return listing(self.tree, "ports")


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod's spec and labels, and where the spec stands in its manifest."""

    namespace: str
    path: str
    spec: Tree
    labels: Tree

    @property
    def containers(self) -> Iterator[Container]:
        """Those that run, and those that run first."""
        for group in ("containers", "initContainers"):
            for index, each in enumerate(listing(self.spec, group)):
                yield Container(f"{self.path}.{group}[{index}]", each)


def pods(it: Manifest) -> Iterator[Pod]:
    """What Pods a manifest makes: none or one."""
    spec = it.spec
    if (it.group, it.kind) == ("", "Pod"):
        yield Pod(it.namespace, "spec", spec, mapping(it.metadata, "labels"))
    elif (it.group, it.kind) in _TEMPLATES:
        labels = dict(mapping(spec, "template", "metadata", "labels"))
        if it.group == "serving.knative.dev":
            labels["serving.knative.dev/service"] = it.name
        yield Pod(it.namespace, "spec.template.spec", mapping(spec, "template", "spec"), labels)
    elif (it.group, it.kind) == ("batch", "CronJob"):
        template = mapping(spec, "jobTemplate", "spec", "template")
        labels = mapping(template, "metadata", "labels")
        yield Pod(it.namespace, "spec.jobTemplate.spec.template.spec", mapping(template, "spec"), labels)
