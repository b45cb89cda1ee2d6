"""Why something on a cluster is not ready, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from trackway.deploy.manifest import Manifest
from trackway.deploy.readiness import readiness

Tree = dict[str, Any]


def condition(type: str, status: str, reason: str = "", message: str = "", **more: str) -> Tree:
    return {"type": type, "status": status, "reason": reason, "message": message, **more}


def live(api_version: str, kind: str, conditions: list[Tree] | None = None, **more: Any) -> Tree:
    metadata = {"name": "it", "namespace": "town", "generation": 2}
    status = {"observedGeneration": 2, "conditions": conditions or [], **more}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": status}


def deployment(conditions: list[Tree] | None = None, **status: Any) -> Tree:
    it = live("apps/v1", "Deployment", conditions, **status)
    return {**it, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "it"}}}}


def pod(waiting: Tree | None = None, conditions: list[Tree] | None = None, **more: Any) -> Tree:
    labels = {"app": "it", "serving.knative.dev/service": "it"}
    status: Tree = {"conditions": conditions or []}
    if waiting is not None:
        status["containerStatuses"] = [
            {"name": "main", "image": "a/b:1", "ready": False, "state": {"waiting": waiting}, **more}
        ]
    return {"metadata": {"name": "it-1", "namespace": "town", "labels": labels}, "status": status, "spec": {}}


def why(it: Tree | None, *pods: Tree, of: Tree | None = None) -> tuple[str, str]:
    how = readiness(Manifest(of or it or {}), it, pods)
    return how.state, how.why


SERVICE = ("serving.knative.dev/v1", "Service")
TRIGGER = ("eventing.knative.dev/v1", "Trigger")


def test_what_is_not_there_is_missing() -> None:
    assert why(None, of=live(*TRIGGER)) == ("missing", "is not there")


@pytest.mark.parametrize(
    "it",
    [
        live(*SERVICE, [condition("Ready", "True")]),
        deployment(availableReplicas=2, updatedReplicas=2),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "it"}},
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "it"}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "it"}, "status": {"phase": "Bound"}},
    ],
)
def test_what_is_ready(it: Tree) -> None:
    assert why(it) == ("ready", "")


def test_a_change_that_the_controller_has_not_seen_is_waited_for() -> None:
    it = live(*TRIGGER, [condition("Ready", "True")])
    it["status"]["observedGeneration"] = 1
    assert why(it) == ("waiting", "Knative Eventing has not seen the change yet")


def test_a_knative_object_that_nobody_says_anything_about() -> None:
    it = {"apiVersion": TRIGGER[0], "kind": TRIGGER[1], "metadata": {"name": "it"}}
    assert why(it)[1] == "Knative Eventing has said nothing about it yet (is its controller running?)"


def test_of_conditions_the_one_that_is_the_cause_is_told() -> None:
    conditions = [
        condition("BrokerReady", "Unknown"),
        condition("Ready", "False", "NotFound", "Broker town/default not found"),
        condition("SubscriberResolved", "False", "Unable to get the Subscriber's URI", 'services "it" not found'),
        condition("Progress", "False", "Info", "not of importance", severity="Info"),
    ]
    assert why(live(*TRIGGER, conditions)) == (
        "waiting",
        'SubscriberResolved: Unable to get the Subscriber\'s URI: services "it" not found',
    )


def test_conditions_without_words_are_named() -> None:
    it = live(*TRIGGER, [condition("Ready", "Unknown"), condition("DependencyReady", "Unknown")])
    assert why(it) == ("waiting", "waits for DependencyReady")


@pytest.mark.parametrize("it", [live(*SERVICE, [condition("Ready", "Unknown")]), deployment()])
@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (
            pod({"reason": "ImagePullBackOff", "message": "Back-off pulling image: 401 Unauthorized"}),
            "its image a/b:1 cannot be pulled (ImagePullBackOff: Back-off pulling image: 401 Unauthorized)",
        ),
        (
            pod({"reason": "CreateContainerConfigError", "message": 'secret "trackway-store" not found'}),
            'its container cannot be made: secret "trackway-store" not found',
        ),
        (
            pod(
                {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"},
                lastState={"terminated": {"exitCode": 2, "reason": "Error", "message": "first\nTRACKWAY_STORE: no"}},
                restartCount=4,
            ),
            "it ended with 2 4 times (TRACKWAY_STORE: no); its words: kubectl logs -p -n town it-1 -c main",
        ),
        (
            pod(
                {"reason": "CrashLoopBackOff"},
                lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
                restartCount=1,
            ),
            "it was killed for its memory 1 times; its words: kubectl logs -p -n town it-1 -c main",
        ),
        (
            pod(conditions=[condition("PodScheduled", "False", "Unschedulable", "0/3 nodes: 3 Insufficient memory.")]),
            "no node takes it: 0/3 nodes: 3 Insufficient memory.",
        ),
        (
            {
                **pod(
                    {"reason": "ContainerCreating"},
                    [condition("PodReadyToStartContainers", "False")],
                ),
                "spec": {
                    "volumes": [
                        {"secret": {"secretName": "keys"}},
                        {"persistentVolumeClaim": {"claimName": "data"}},
                        {"emptyDir": {}},
                    ]
                },
            },
            "waits for what it mounts: Secret keys, PersistentVolumeClaim data",
        ),
    ],
)
def test_what_keeps_a_pod_is_told_for_whoever_made_it(it: Tree, pod: Tree, said: str) -> None:
    assert why(it, pod) == ("waiting", said)


def test_a_pod_that_is_on_its_way_out_says_nothing() -> None:
    old = pod({"reason": "ErrImagePull"})
    old["metadata"]["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    assert why(deployment(availableReplicas=1, updatedReplicas=2), old) == ("waiting", "1 of 2 Pods are ready")


def test_what_was_there_before_does_not_count_for_the_new() -> None:
    """The old Pod is available until the new one is: what is asked until then may be answered by it."""
    both = deployment(availableReplicas=2, updatedReplicas=2, replicas=3)
    assert why(both) == ("waiting", "1 of the Pods from before are still there")


def test_a_quota_keeps_pods_from_being_made() -> None:
    message = 'pods "it-1" is forbidden: exceeded quota: small, requested: memory=96Mi, used: 1Gi, limited: 1Gi'
    it = deployment([condition("ReplicaFailure", "True", "FailedCreate", message)])
    assert why(it) == ("waiting", f"no Pod can be made: {message}")


def test_a_rollout_that_takes_too_long() -> None:
    it = deployment([condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out progressing")])
    assert why(it) == ("waiting", "timed out progressing")


def test_a_claim_without_a_volume() -> None:
    it = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "it"},
        "status": {"phase": "Pending"},
    }
    assert why(it) == ("waiting", "is pending: no volume of the default storage class has been given to it")


def test_a_scaler_without_metrics_is_told_and_not_waited_for() -> None:
    it = live("autoscaling/v2", "HorizontalPodAutoscaler", [condition("ScalingActive", "False", "x", "no metrics API")])
    assert why(it) == ("ready", "does not scale: no metrics API")


def test_a_long_reason_is_one_line_that_fits() -> None:
    it = live(*SERVICE, [condition("Ready", "False", "RevisionFailed", "a\n b" * 500)])
    state, said = why(it)
    assert state == "waiting"
    assert "\n" not in said
    assert len(said) == 300
