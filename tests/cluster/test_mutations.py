"""The verdicts of `trackway deploy render --check` beside the real ones: each mistake in each field of each kind."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.manifests.mutations import Mutation, mutations
from tests.running import ROOT
from tests.servers import kustomize
from trackway.cli.deploy import grammars
from trackway.deploy.checking import mistakes_in
from trackway.deploy.cluster import Refused, connect
from trackway.deploy.manifest import Manifest, parse

FOREIGN = {"Namespace"}
CUT_OFF = (" empty", " too_large", " too_small")
"""What an API server puts its default for, or cuts off at what fits, and says nothing about: we do."""
THEY_ALONE = {f"serving.knative.dev/v1 Service: metadata.namespace {how}" for how in ("missing", "empty")}
"""Knative tries the Pod out, in the namespace that kubectl stands in, where its ServiceAccount is not."""
STRICTER = {
    # Only a container runtime notices (Knative's webhook does too).
    "apps/v1 Deployment: spec.template.spec.containers.0.image no_such_word",
    # Kubernetes takes any name for it that fits into a URL.
    "policy/v1 PodDisruptionBudget: metadata.name no_such_word",
    # It would sleep for 0 s.
    "apps/v1 Deployment: spec.template.spec.containers.0.lifecycle.preStop.sleep.seconds missing",
    # Its CRD lets anything stand in a template's metadata, where it has no effect.
    "serving.knative.dev/v1 Service: spec.template.metadata.annotations misspelt",
    "serving.knative.dev/v1 Service: spec.template.metadata.labels misspelt",
}
"""What we refuse and a cluster takes, to no good."""
OIDC = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config-features", "namespace": "knative-eventing"},
    "data": {"authentication-oidc": "enabled"},
}
"""Without it every EventPolicy is refused."""
OF_A_DRY_RUN = ("envFrom.0.configMapRef", "seccompProfile.type")
"""What Knative leaves to the API server, which it asks by a dry run of the Pod; there is none for its validator."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Mutation]:
    """Of all that is deployed anywhere, under names of their own: nothing may be compared with what is there."""
    folder = tmp_path_factory.mktemp("all")
    components = sorted(path.name for path in (ROOT / "knative/components").iterdir())
    listed = [os.path.relpath(ROOT / "knative/components" / name, folder) for name in components]
    text = {"resources": [os.path.relpath(ROOT / "knative/base", folder)], "components": listed}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    built = [kustomize.build(ROOT / "knative/overlays/kind"), kustomize.build(folder)]
    documents = [copy.deepcopy(dict(each.tree)) for text in built for each in parse(text) if each.kind not in FOREIGN]
    for each in documents:
        each["metadata"]["name"] = f"m-{each['metadata']['name']}"
    return mutations(documents)


def ours(made: list[Mutation]) -> list[bool]:
    """Whether we refuse each."""
    return [bool(mistakes_in(Manifest(each.after), grammars())) for each in made]


def told(made: list[Mutation], ours: list[bool], theirs: list[bool]) -> tuple[set[str], set[str]]:
    """What only they refuse, and what only we do."""
    both = list(zip(made, ours, theirs, strict=True))
    only_they = {f"{each.name} {each.how}" for each, by_us, by_them in both if by_them and not by_us}
    only_we = {f"{each.name} {each.how}" for each, by_us, by_them in both if by_us and not by_them}
    return only_they, only_we


@pytest.mark.timeout(400)
def test_the_api_server_and_the_webhooks_say_the_same(
    deployed: Cluster, made: list[Mutation], pytestconfig: pytest.Config
) -> None:
    """By a dry run of a strict server-side apply, of every kind that the cluster has."""
    with connect(Path(pytestconfig.getoption("kubeconfig"))) as cluster:

        def refused(tree: dict[str, Any]) -> bool:
            try:
                cluster.apply(Manifest(tree), dry_run=True)
            except Refused:
                return True
            return False

        known = [each for each in made if cluster.knows(each.before["apiVersion"], each.before["kind"])]
        if any(each.before["kind"] == "EventPolicy" and refused(each.before) for each in known):
            known = [each for each in known if each.before["kind"] != "EventPolicy"]  # Eventing's OIDC is off
        assert len(known) > 800
        with ThreadPoolExecutor(4) as pool:
            theirs = list(pool.map(refused, [each.after for each in known]))
    only_they, only_we = told(known, ours(known), theirs)
    assert only_they == THEY_ALONE
    assert {name for name in only_we if not name.endswith(CUT_OFF)} <= STRICTER


def test_knatives_own_validation_says_the_same_without_a_cluster(
    made: list[Mutation], pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """knative-host's validator has Knative's types and rules, and knows of the Kafka kinds too."""
    tool = pytestconfig.getoption("knative_host")
    if tool is None:
        pytest.skip("Knative's validation without a cluster is knative-host's: name it with --knative-host")
    known = [each for each in made if each.before["apiVersion"].partition("/")[0].endswith("knative.dev")]
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([each.after for each in known], allow_unicode=True))
    features = tmp_path / "features.yaml"
    features.write_text(yaml.safe_dump(OIDC))
    command = [tool, "validate", "--crds", "--json", "--configmaps", features, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    verdicts: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    only_they, only_we = told(known, ours(known), [not each["ok"] for each in verdicts])
    assert only_they == set()
    unseen = {name for name in only_we if not name.endswith(CUT_OFF) and "metadata.namespace" not in name}
    assert {name for name in unseen if not any(part in name for part in OF_A_DRY_RUN)} == set()
