"""`trackway deploy` on a real cluster, where it has brought everything (conftest.py), and `doctor --cluster`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.cluster.product import NAMESPACE


def test_everything_is_ready_for_who_asks(deployed: Cluster, overlay: Path) -> None:
    done = deployed.trackway("deploy", "status", overlay)
    assert done.returncode == 0, done.stdout
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert len(rows) > 25
    assert {row[-1] for row in rows} == {"ready"}


def test_the_second_apply_changes_nothing(deployed: Cluster, overlay: Path) -> None:
    done = deployed.trackway("deploy", "diff", overlay)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    revisions = deployed.get("revisions.serving.knative.dev", NAMESPACE)
    done = deployed.trackway("deploy", "apply", overlay)
    assert done.returncode == 0, done.stderr
    assert {line[:9] for line in done.stdout.splitlines()} == {"as it was"}
    assert len(deployed.get("revisions.serving.knative.dev", NAMESPACE)) == len(revisions)


def test_a_field_that_somebody_else_set_is_told_with_its_owner_and_taken_over_by_force(
    deployed: Cluster, overlay: Path
) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "realtime-gateway", "namespace": NAMESPACE},
        "spec": {"maxUnavailable": 2},
    }
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=somebody", "-f", "-")
    deployed.kubectl(*words, stdin=yaml.safe_dump(budget))
    told = "PodDisruptionBudget realtime-gateway: spec.maxUnavailable is somebody's; --force takes it over"
    for command in ("diff", "apply"):
        done = deployed.trackway("deploy", command, overlay)
        assert done.returncode == 1
        assert told in done.stderr
    done = deployed.trackway("deploy", "apply", overlay, "--force")
    assert done.returncode == 0, done.stderr
    assert "  changed PodDisruptionBudget realtime-gateway" in done.stdout.splitlines()
    assert deployed.trackway("deploy", "diff", overlay).returncode == 0


def test_what_a_webhook_refuses_is_told_in_its_words(deployed: Cluster, tmp_path: Path) -> None:
    """Something that only the cluster can know: a Broker's class does not change."""
    (broker,) = (each for each in deployed.get("brokers", NAMESPACE) if each["metadata"]["name"] == "default")
    changed = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Broker",
        "metadata": {
            "name": broker["metadata"]["name"],
            "namespace": NAMESPACE,
            "annotations": {"eventing.knative.dev/broker.class": "Kafka"},
        },
    }
    file = tmp_path / "broker.yaml"
    file.write_text(yaml.safe_dump(changed))
    done = deployed.trackway("deploy", "diff", file)
    assert done.returncode == 1
    assert "Broker default: " in done.stderr
    assert "Immutable annotations changed" in done.stderr


def test_why_something_is_not_ready_is_told_in_one_line(deployed: Cluster, tmp_path: Path) -> None:
    trigger = {
        "apiVersion": "eventing.knative.dev/v1",
        "kind": "Trigger",
        "metadata": {"name": "stray", "namespace": NAMESPACE},
        "spec": {
            "broker": "default",
            "subscriber": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "nobody"}},
        },
    }
    file = tmp_path / "trigger.yaml"
    file.write_text(yaml.safe_dump(trigger))
    deployed.apply(file.read_text())
    try:

        def told() -> bool:
            done = deployed.trackway("deploy", "status", file)
            return done.returncode == 1 and 'services.serving.knative.dev "nobody" not found' in done.stdout

        deployed.until(told, "status says that there is no Service nobody")
    finally:
        deployed.kubectl("-n", NAMESPACE, "delete", "trigger", "stray")


def test_a_cluster_that_has_what_is_needed_is_well(deployed: Cluster, overlay: Path) -> None:
    done = deployed.trackway("doctor", "--cluster", "--overlay", overlay)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("✓ Kubernetes v")
    assert "✗" not in done.stdout
    assert "Broker default of class MTChannelBasedBroker" in done.stdout


def test_what_one_may_not_do_oneself_is_told(
    deployed: Cluster, overlay: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """Somebody who may apply Triggers, and nothing else."""
    rules = [{"apiGroups": ["eventing.knative.dev"], "resources": ["triggers"], "verbs": ["*"]}]
    subject = {"kind": "ServiceAccount", "name": "somebody", "namespace": NAMESPACE}
    of_roles, metadata = "rbac.authorization.k8s.io", {"name": "somebody", "namespace": NAMESPACE}
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {"apiVersion": f"{of_roles}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
        {"apiVersion": f"{of_roles}/v1", "kind": "RoleBinding", "metadata": metadata, "subjects": [subject]}
        | {"roleRef": {"apiGroup": of_roles, "kind": "Role", "name": "somebody"}},
    ]
    with deployed.also(objects):
        config = yaml.safe_load(Path(pytestconfig.getoption("kubeconfig")).read_text())
        token = deployed.kubectl("-n", NAMESPACE, "create", "token", "somebody").strip()
        for user in config["users"]:
            user["user"] = {"token": token}
        theirs = tmp_path / "kubeconfig"
        theirs.write_text(yaml.safe_dump(config))
        done = deployed.trackway("doctor", "--cluster", "--overlay", overlay, "--kubeconfig", theirs)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if "you may not" in line]
    assert any("get,list,create,patch brokers.eventing.knative.dev in trackway" in line for line in lines), done.stdout
    assert not [line for line in lines if "triggers.eventing" in line]


def test_what_production_needs_and_this_cluster_lacks_is_told_with_the_remedy(deployed: Cluster) -> None:
    if deployed.run("get", "crd", "kafkasinks.eventing.knative.dev").returncode == 0:
        return  # a cluster that has all of it
    done = deployed.trackway("doctor", "--cluster", "--overlay", "production")
    assert done.returncode == 1
    assert "knows no KafkaSink of eventing.knative.dev/v1alpha1" in done.stdout
    assert "Broker default of class Kafka: kafka-controller, kafka-broker-receiver is not in" in done.stdout
