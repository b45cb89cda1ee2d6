"""Writes Strimzi's objects from connect/: the worker from worker.properties, and a KafkaConnector for each connector.

`make generate` runs this; tests/manifests/test_connect.py fails when what is committed is not what this would write.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("knative/components/connect")
OWN_FOLDERS = {"mongo-positions": Path("knative/components/positions-by-connect")}
"""Of connectors that go with settings of Trackway's own."""
HEAD = "# Written by `make generate` from {source}; not to be edited.\n"
NAME = "trackway"
"""Of the KafkaConnect, by which its connectors find it."""

FIELDS = {
    "group.id": "groupId",
    "config.storage.topic": "configStorageTopic",
    "offset.storage.topic": "offsetStorageTopic",
    "status.storage.topic": "statusStorageTopic",
}
"""Settings of a worker that are fields of a KafkaConnect."""

STRIMZIS = ("bootstrap.servers", "plugin.path", "listeners")
"""Settings that Strimzi decides."""

POD = {"app": "connect", "version": "v1", "app.kubernetes.io/part-of": "trackway"}
"""Labels of its Pods; those that are not here are Strimzi's."""

SECURITY = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def generated() -> dict[Path, str]:
    """Every generated file, relative to the project's root, with its text."""
    connectors = sorted((ROOT / "connect/connectors").glob("*.json"))
    files = {FOLDER / "kafka-connect.yaml": text(worker(), "connect/worker.properties")}
    for path in connectors:
        document = json.loads(path.read_text())
        files[file_of(document["name"])] = text(connector(document), f"connect/connectors/{path.name}")
    return files


def file_of(name: str) -> Path:
    """Where the connector's object is, relative to the project's root."""
    return OWN_FOLDERS.get(name, FOLDER) / f"{name}.yaml"


def worker() -> dict[str, Any]:
    """Two workers with the settings of those that are started by hand."""
    lines = (ROOT / "connect/worker.properties").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    secrets = [secret(name) for name in ("TRACKWAY_ELASTICSEARCH", "TRACKWAY_MONGO")]
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaConnect",
        "metadata": {
            "name": NAME,
            "namespace": "trackway",
            "labels": labels("connect"),
            "annotations": {"strimzi.io/use-connector-resources": "true"},
        },
        "spec": {
            "replicas": 2,
            "image": "trackway/connect",
            "bootstrapServers": "kafka-kafka-bootstrap.kafka:9092",
            **{field: settings[setting] for setting, field in FIELDS.items()},
            "config": {name: value for name, value in settings.items() if name not in {*FIELDS, *STRIMZIS}},
            "resources": {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
            "template": {
                # Strimzi's operator asks it over plain HTTP, from outside of a mesh.
                "pod": {"metadata": {"labels": {**POD, "sidecar.istio.io/inject": "false"}}},
                "connectContainer": {"env": secrets, "securityContext": SECURITY},
            },
        },
    }


def secret(name: str) -> dict[str, Any]:
    """A variable from the Secret; one that is not there is one whose connector is not used."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": "trackway-connect", "key": name, "optional": True}}}


def connector(document: dict[str, Any]) -> dict[str, Any]:
    """A connector that Strimzi starts again when it or a task has failed, as often as it takes."""
    config = dict(document["config"])
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaConnector",
        "metadata": {
            "name": document["name"],
            "namespace": "trackway",
            "labels": {"strimzi.io/cluster": NAME, **labels(document["name"])},
        },
        "spec": {
            "class": config.pop("connector.class"),
            "tasksMax": int(config.pop("tasks.max")),
            "autoRestart": {"enabled": True},
            "config": config,
        },
    }


def labels(name: str) -> dict[str, str]:
    """What Kubernetes recommends."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "connect",
        "app.kubernetes.io/part-of": "trackway",
    }


class Plain(yaml.SafeDumper):
    """Writes a repeated value out each time."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def text(document: dict[str, Any], source: str) -> str:
    """An object as it is committed."""
    return HEAD.format(source=source) + yaml.dump(document, Dumper=Plain, sort_keys=False, width=130)


def main() -> int:
    """Write every file that is not as it should be."""
    for path, wanted in generated().items():
        target = ROOT / path
        if not target.exists() or target.read_text() != wanted:
            target.write_text(wanted)
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
