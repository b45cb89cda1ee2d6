"""What the API server and Knative's webhooks say of the manifests, and what knative-local says of the same mistakes."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from knative_local.validate import check
from tests.cluster.cluster import Cluster
from tests.running import ROOT
from tests.servers import kustomize

SERVED = {"Broker", "Trigger", "Service", "Deployment", "SinkBinding", "PingSource"}
FREE_NAMES = {"labels", "annotations", "matchLabels", "attributes", "exact", "prefix", "suffix", "requests", "limits"}
"""Maps whose keys are anybody's choice."""

OF_A_POD = {"resources", "securityContext", "livenessProbe", "readinessProbe", "matchLabels"}
"""What knative-local takes without looking at it, since there is no Pod (docs/knative-local.md: without effect)."""


def documents(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


@pytest.fixture(scope="module")
def local() -> list[dict[str, Any]]:
    """What runs on a laptop."""
    return documents(kustomize.build(ROOT / "knative/overlays/local"))


def test_everything_is_admitted_and_becomes_ready(deployed: Cluster) -> None:
    """By strict server-side validation and every webhook; and everything that has a condition says Ready."""
    services = deployed.get("services.serving.knative.dev", "trackway")
    assert {each["metadata"]["name"] for each in services} == {
        each.parent.name for each in (ROOT / "functions").glob("*/main.py")
    }
    assert deployed.not_ready("trackway") == []


def verdicts(tool: str, folder: Path, manifests: str, features: dict[str, str]) -> list[dict[str, Any]]:
    """What Knative's validation says of each manifest, in a cluster with these features of Eventing."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "config-features"}, "data": features}
    config["metadata"] |= {"namespace": "knative-eventing"}
    (folder / "features.yaml").write_text(yaml.safe_dump(config))
    (folder / "manifests.yaml").write_text(manifests)
    options = ["--crds", "--json", "--configmaps", folder / "features.yaml", folder / "manifests.yaml"]
    done = subprocess.run([tool, "validate", *options], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_production_is_valid_for_knatives_own_validation(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Without a cluster, since no Kafka broker can be had here; what Knative does not own is for others to check."""
    tool = pytestconfig.getoption("knative_host")
    if tool is None:
        pytest.skip("Knative's validation without a cluster is knative-host's: name it with --knative-host")
    said = verdicts(tool, tmp_path, kustomize.build(ROOT / "knative/overlays/production"), {})
    assert [each for each in said if not each["ok"]] == []
    known = [each["gvk"] for each in said if each["known"]]
    assert any("KafkaSink" in gvk for gvk in known)
    assert len(known) > 12


@pytest.mark.parametrize(("oidc", "taken"), [("enabled", True), ("disabled", False)])
def test_event_policies_are_for_a_cluster_that_asks_who_posts(
    pytestconfig: pytest.Config, tmp_path: Path, oidc: str, taken: bool
) -> None:
    tool = pytestconfig.getoption("knative_host")
    if tool is None:
        pytest.skip("Knative's validation without a cluster is knative-host's: name it with --knative-host")
    policy = (ROOT / "knative/components/event-policies/event-policy.yaml").read_text()
    (said,) = verdicts(tool, tmp_path, policy, {"authentication-oidc": oidc})
    assert said["known"]
    assert said["ok"] == taken


def keys(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of the keys below `spec`, of the first item of a list only; not those that may have any name."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*path, key)
            labels = key == "selector" and all(isinstance(each, str) for each in value.values())  # a v1 Service's
            if key not in FREE_NAMES and not labels:
                yield from keys(value, (*path, key))
    elif isinstance(tree, list) and tree:
        yield from keys(tree[0], (*path, 0))


def with_typo(document: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The document with the last two letters of a key exchanged, or one doubled."""
    changed = copy.deepcopy(document)
    *above, last = path
    place: Any = changed["spec"]
    for step in above:
        place = place[step]
    word = str(last)
    wrong = word[:-2] + word[-1] + word[-2] if word[-1] != word[-2] else word + word[-1]
    renamed = {wrong if key == last else key: value for key, value in place.items()}
    place.clear()
    place.update(renamed)
    return changed


def mutations(local: list[dict[str, Any]]) -> list[tuple[str, int, dict[str, Any]]]:
    """For each kind, each field that any of its objects has, wrongly written once: a name, which document, and that."""
    seen: dict[str, tuple[str, int, dict[str, Any]]] = {}
    for number, document in enumerate(local):
        if document["kind"] in SERVED:
            for path in keys(document["spec"]):
                name = f"{document['apiVersion']} {document['kind']}: {'.'.join(map(str, path))}"
                if name not in seen:
                    seen[name] = (name, number, with_typo(document, path))
    return list(seen.values())


@pytest.mark.timeout(400)
def test_a_typo_in_any_field_is_refused_by_knative_local_as_by_the_cluster(
    deployed: Cluster, local: list[dict[str, Any]], tmp_path: Path
) -> None:
    """But for what only a Pod has, which knative-local does not look at, and for the metadata of a Knative Service's
    template, where the cluster takes anything."""
    file = tmp_path / "local.yaml"

    def ours(number: int, changed: dict[str, Any]) -> bool:
        file.write_text(yaml.safe_dump_all([*local[:number], changed, *local[number + 1 :]]))
        return isinstance(check(file), list)

    file.write_text(yaml.safe_dump_all(local))
    assert not isinstance(check(file), list), "what is not changed is taken"
    changes = mutations(local)
    assert len(changes) > 50
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(lambda change: deployed.refusal(yaml.safe_dump(change[2])) is not None, changes))
    verdicts = [
        (name, ours(number, changed), by_them) for (name, number, changed), by_them in zip(changes, theirs, strict=True)
    ]
    unlooked = {name for name, by_us, by_them in verdicts if by_them and not by_us}
    assert {name for name in unlooked if not OF_A_POD & set(name.split("."))} == set()
    lenient = {name for name, by_us, by_them in verdicts if by_us and not by_them}
    assert {name for name in lenient if "template.metadata." not in name} == set()
    assert {name for name, by_us, by_them in verdicts if not by_us and not by_them} == set()
