"""The argument list and the environment of a container's process, as Kubernetes and Knative would make them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from knative_local.model import (
    Container,
    Deployment,
    Destination,
    EnvVar,
    JobSink,
    KnService,
    Manifests,
    Ref,
    SinkBinding,
)
from knative_local.source import Source

# A container does not see the machine's environment; these are what an interpreter needs to run here at all.
INHERITED: Final = re.compile(
    r"HOME|USER|LOGNAME|SHELL|TERM|TZ|TMPDIR|LANG|LANGUAGE|LC_\w+|LD_LIBRARY_PATH|DYLD_\w+|VIRTUAL_ENV|PYTHON\w*"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|NO_COLOR"
)
REFERENCE: Final = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class VariableErrors(Exception):
    """Variables cannot be given their values: a line `file:line: sentence` for each."""


def expand(text: str, known: Mapping[str, str]) -> str:
    """Put values for `$(NAME)`; an unknown name stays as it is and `$$` is a dollar sign (Kubernetes' rule)."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return "$" if name is None else known.get(name, match.group(0))

    return REFERENCE.sub(value, text)


def arguments(container: Container, environment: Mapping[str, str]) -> list[str]:
    """The process's argument list; a first word `python` or `python3` is the interpreter that runs this."""
    words = [expand(word, environment) for word in (*container.command, *container.args)]
    if words[0] in {"python", "python3"}:
        words[0] = sys.executable
    return words


def machine_environment() -> dict[str, str]:
    """What a process needs from the machine: a search path with this interpreter's programs first, locale, home."""
    kept = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
    path = os.environ.get("PATH", os.defpath)
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}", "PYTHONUNBUFFERED": "1"}


class Environments:
    """Makes environments from the ConfigMaps, Secrets and SinkBindings of the manifests."""

    def __init__(
        self,
        manifests: Manifests,
        address_of: Callable[[Destination, str], str],
        log_of: Callable[[Destination, str], str | None],
        ingress_socket: str,
        url: str,
    ) -> None:
        """`address_of` gives the URL under which a process on this machine reaches a destination, `log_of` the log
        that it stands for (or None), `url` is ours."""
        self._manifests = manifests
        self._texts = {("ConfigMap", c.namespace, c.name): c.data for c in manifests.config_maps}
        self._texts |= {("Secret", s.namespace, s.name): s.data for s in manifests.secrets}
        self._bindings = manifests.sink_bindings
        self._address_of = address_of
        self._log_of = log_of
        self._ingress_socket = ingress_socket
        self._runtime = {"KNATIVE_LOCAL_URL": url}

    def check(self) -> None:
        """Make every environment once; raises VariableErrors with all that is missing."""
        found: list[str] = []
        for each in (*self._manifests.services, *self._manifests.deployments, *self._manifests.job_sinks):
            try:
                self._of(each.container, each.namespace, each.source)
            except VariableErrors as error:
                found.append(str(error))
        if found:
            raise VariableErrors("\n".join(found))

    def of_service(self, service: KnService) -> dict[str, str]:
        """The environment of a Knative Service's instance, all but PORT."""
        knative = {
            "K_SERVICE": service.name,
            "K_CONFIGURATION": service.name,
            "K_REVISION": service.revision_name,
        }
        bound = self._bound(("Service", service.namespace, service.name), service.labels)
        return self._of(service.container, service.namespace, service.source) | knative | bound

    def of_deployment(self, deployment: Deployment) -> dict[str, str]:
        """The environment of a Deployment's process, all but PORT."""
        bound = self._bound(("Deployment", deployment.namespace, deployment.name), deployment.own_labels)
        return self._of(deployment.container, deployment.namespace, deployment.source) | bound

    def of_job(self, sink: JobSink) -> dict[str, str]:
        """The environment of a JobSink's process, all but where its event is."""
        return {"K_EXECUTION_MODE": "batch"} | self._of(sink.container, sink.namespace, sink.source)

    def _of(self, container: Container, namespace: str, source: Source) -> dict[str, str]:
        own: dict[str, str] = {}
        for group in container.env_from:
            data = self._data(group.ref, namespace, group.optional, source)
            own |= {group.prefix + key: value for key, value in data.items()}
        for variable in container.env:
            value = self._value(variable, namespace, source)
            if value is not None:
                own[variable.name] = expand(value, own)
        return machine_environment() | self._runtime | own

    def _value(self, variable: EnvVar, namespace: str, source: Source) -> str | None:
        if variable.ref is None:
            return variable.value
        data = self._data(variable.ref, namespace, variable.optional, source)
        if variable.key not in data and not variable.optional:
            where = f"{variable.ref.kind} {variable.ref.name}"
            raise VariableErrors(f"{source}: {variable.name} wants the key {variable.key!r}, which {where} has not")
        return data.get(variable.key)

    def _data(self, ref: Ref, namespace: str, optional: bool, source: Source) -> Mapping[str, str]:
        data = self._texts.get((ref.kind, ref.namespace or namespace, ref.name))
        if data is None and not optional:
            raise VariableErrors(f"{source}: there is no {ref.kind} {ref.name} in {ref.namespace or namespace}")
        return data or {}

    def _bound(self, subject: tuple[str, str, str], labels: Mapping[str, str]) -> dict[str, str]:
        for binding in self._bindings:
            if _is_subject(binding, subject, labels):
                return self._sink(binding)
        return {}

    def _sink(self, binding: SinkBinding) -> dict[str, str]:
        sink = {
            "K_SINK": self._address_of(binding.sink, binding.namespace),
            "K_CE_OVERRIDES": _overrides(binding.overrides),
        }
        log = self._log_of(binding.sink, binding.namespace)
        if log is not None:
            sink["KNATIVE_LOCAL_SINK"] = f"unix:{self._ingress_socket}:/{log}"
        return sink


def _overrides(extensions: Mapping[str, str] | None) -> str:
    """What Knative's SinkBinding writes: empty without `ceOverrides`, else its JSON with sorted names."""
    if extensions is None:
        return ""
    content = {"extensions": dict(sorted(extensions.items()))} if extensions else {}
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def _is_subject(binding: SinkBinding, subject: tuple[str, str, str], labels: Mapping[str, str]) -> bool:
    kind, namespace, name = subject
    if (binding.subject_kind, binding.subject_namespace or binding.namespace) != (kind, namespace):
        return False
    if binding.subject_name is not None:
        return binding.subject_name == name
    return binding.selector.chooses(labels)
