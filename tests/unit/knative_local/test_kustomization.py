"""The part of kustomize that is read."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from knative_local.kustomization import documents_of
from knative_local.manifests import ManifestErrors, load
from knative_local.yaml_tree import Errors, plain

SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: persist}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/window: 30s
        autoscaling.knative.dev/max-scale: "4"
    spec:
      containers: [{image: a, command: [a]}]
"""
GATEWAY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec:
  template:
    spec:
      containers:
        - {name: gateway, image: a, command: [a], env: [{name: A, value: "1"}, {name: B, value: "2"}]}
"""

Build = Callable[[dict[str, str]], Path]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Writes files by path; gives the folder `overlay`."""
    monkeypatch.chdir(tmp_path)

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(dedent(text))
        return tmp_path / "overlay"

    return write


def test_an_overlay_puts_namespace_settings_and_a_patch_on_its_base(build: Build) -> None:
    overlay = build(
        {
            "base/kustomization.yaml": "resources: [persist.yaml]\n",
            "base/persist.yaml": SERVICE,
            "overlay/colours.txt": "red\n",
            "overlay/kustomization.yaml": """
                apiVersion: kustomize.config.k8s.io/v1beta1
                kind: Kustomization
                namespace: town
                resources: [../base]
                generatorOptions: {disableNameSuffixHash: true}
                configMapGenerator:
                  - name: settings
                    literals: ["STORE=sqlite:///var/x.db?a=b", EMPTY=]
                    files: [colours.txt, again=colours.txt]
                patches:
                  - path: patch.yaml
                """,
            "overlay/patch.yaml": """
                apiVersion: serving.knative.dev/v1
                kind: Service
                metadata: {name: persist}
                spec:
                  template:
                    metadata:
                      annotations:
                        autoscaling.knative.dev/window: 6s
                        autoscaling.knative.dev/max-scale: null
                    spec:
                      containers: [{command: [b], envFrom: [{configMapRef: {name: settings}}]}]
                """,
        }
    )

    manifests = load(overlay)

    (service,) = manifests.services
    assert service.key == "town/persist"
    assert (service.scaling.window_s, service.scaling.max_scale) == (6.0, 0)
    # A list of a custom resource is replaced whole: the image is gone.
    assert (service.container.command, service.container.image) == (("b",), "")
    (settings,) = manifests.config_maps
    assert settings.namespace == "town"
    assert settings.data == {
        "STORE": "sqlite:///var/x.db?a=b",
        "EMPTY": "",
        "colours.txt": "red\n",
        "again": "red\n",
    }


def test_lists_of_kubernetes_own_kinds_are_merged_by_name(build: Build) -> None:
    overlay = build(
        {
            "overlay/gateway.yaml": GATEWAY,
            "overlay/kustomization.yaml": """
                resources: [gateway.yaml]
                patches:
                  - target: {kind: Deployment, name: gateway}
                    patch: |
                      spec:
                        template:
                          spec:
                            containers:
                              - name: gateway
                                env: [{name: B, value: "3"}, {name: C, value: "4"}]
                """,
        }
    )

    (gateway,) = load(overlay).deployments

    assert gateway.container.image == "a"
    assert [(each.name, each.value) for each in gateway.container.env] == [("A", "1"), ("B", "3"), ("C", "4")]


def test_a_patch_may_take_an_object_away(build: Build) -> None:
    overlay = build(
        {
            "overlay/kustomization.yaml": """
                resources: [persist.yaml, gateway.yaml]
                patches:
                  - patch: |
                      apiVersion: apps/v1
                      kind: Deployment
                      metadata: {name: gateway}
                      $patch: delete
                """,
            "overlay/persist.yaml": SERVICE,
            "overlay/gateway.yaml": GATEWAY,
        }
    )

    read = load(overlay)

    assert (len(read.services), read.deployments) == (1, ())


def test_cluster_wide_objects_get_no_namespace(build: Build) -> None:
    overlay = build(
        {
            "overlay/kustomization.yaml": "namespace: town\nresources: [namespace.yaml]\n",
            "overlay/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: town}\n",
        }
    )

    assert [plain(document)["metadata"] for document in documents_of(overlay, Errors())] == [{"name": "town"}]


def test_a_mistake_in_a_base_is_told_where_it_stands(build: Build) -> None:
    overlay = build(
        {
            "overlay/kustomization.yaml": "resources: [../base]\n",
            "base/kustomization.yaml": "resources: [persist.yaml]\n",
            "base/persist.yaml": SERVICE.replace("command", "comand"),
        }
    )

    with pytest.raises(ManifestErrors) as caught:
        load(overlay)

    assert all(error.startswith("base/persist.yaml:12: Service persist: ") for error in caught.value.errors)


@pytest.mark.parametrize(
    ("kustomization", "error"),
    [
        ("resources: [persist.yaml]\nnameSuffix: x\n", "kustomization.yaml:2: Kustomization: nameSuffix is not served"),
        ("resource: [persist.yaml]\n", "did you mean 'resources'?"),
        ("resources: [nobody.yaml]\n", "kustomization.yaml:1: resources: nobody.yaml is not a file or folder here"),
        ("resources: [folder]\n", "folder is a folder without a kustomization"),
        ("resources: [../overlay]\n", "../overlay contains itself"),
        ("resources: [persist.yaml, persist.yaml]\n", "is there already"),
        ("configMapGenerator: [{name: a, literals: [b]}]\n", "literals: 'b' is not <key>=<value>"),
        ("configMapGenerator: [{name: a, files: [b]}]\n", "files: b cannot be read"),
        ("configMapGenerator: [{name: a, envs: [b]}]\n", "envs is not a field that is served here"),
        ("resources: [persist.yaml]\npatches: [{patch: '[{op: remove, path: /spec}]'}]\n", "is no object"),
        (
            "resources: [persist.yaml]\npatches: [{target: {kind: Broker}, patch: 'a: 1'}]\n",
            "patches: nothing here is kind Broker",
        ),
        (
            "resources: [persist.yaml]\npatches: [{target: {name: persist}, patch: '$patch: replace'}]\n",
            "the directive $patch is not served",
        ),
        ("a: 1\n---\nb: 1\n", "holds not exactly one Kustomization"),
    ],
)
def test_mistakes(build: Build, kustomization: str, error: str) -> None:
    overlay = build(
        {"overlay/kustomization.yaml": kustomization, "overlay/persist.yaml": SERVICE, "overlay/folder/x": ""}
    )

    with pytest.raises(ManifestErrors) as caught:
        load(overlay)

    assert error in str(caught.value)
