"""Manifests that were good until somebody typed into them: what is wrong is said with its place, nothing is raised."""

import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from atheris import FuzzedDataProvider

from knative_local.manifests import ManifestErrors, load

ROOT = Path(__file__).parents[3]
SOURCES = [
    *sorted((ROOT / "tests/integration/project").glob("*.yaml")),
    ROOT / "tests/chaos/project/manifests.yaml",
    *sorted((ROOT / "knative/base").glob("*.yaml")),
]
DOCUMENTS: list[Any] = [
    document for path in SOURCES for document in yaml.safe_load_all(path.read_text()) if isinstance(document, dict)
]
SCALARS: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", " ", "x", "é", "\x85", "-1", "PT1S", "PT",
    "1s", "10m", "*/2 * * * *", "61 * * * *", "America/Sao_Paulo", "Mars/Olympus", "http://h:99999/", "http://[::1",
    "not a url", "a/b/c", "exact", "cesql", "(", "type = 'x'", "1/0", "AAEC", "?", "{", "0" * 300, "a" * 300, "..", "/",
    [], {}, [[]], [None], {"a": None}, {1: 2}, {"name": "x"}, {"exact": {}}, {"not": []},
]  # fmt: skip
WORDS = [
    b"*a", b"&a ", b"- ", b": ", b"!!python/object:os.system x", b"---\n", b"\t", b"|\n", b"{", b"}", b"'", b'"',
    b"\xff", b"<<: *a\n", b"? ", b"\x00", b"!!binary AA", b"2026-01-01", b"0x1F", b"1_000", b"%YAML 9.9\n",
]  # fmt: skip
PLACED = re.compile(r"[^:]+\.yaml:\d+: \S.*", re.DOTALL)
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-manifests-"))


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    documents = [_copied(provider.PickValueInList(DOCUMENTS)) for _ in range(provider.ConsumeIntInRange(1, 4))]
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        _change(provider, provider.PickValueInList(documents))
    text = yaml.safe_dump_all(documents, allow_unicode=True).encode()
    for _ in range(provider.ConsumeIntInRange(0, 2)):
        at = provider.ConsumeIntInRange(0, len(text))
        text = text[:at] + provider.PickValueInList(WORDS) + text[at + provider.ConsumeIntInRange(0, 9) :]
    path = FOLDER / "manifests.yaml"
    path.write_bytes(text)
    try:
        load(path)
    except ManifestErrors as errors:
        assert errors.errors
        assert all(PLACED.fullmatch(each) for each in errors.errors), errors.errors


def _copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return [_copied(value) for value in tree] if isinstance(tree, list) else tree


def _change(provider: FuzzedDataProvider, tree: Any) -> None:
    """One change somewhere in the tree."""
    while isinstance(tree, dict | list) and tree:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = provider.PickValueInList(keys)
        if isinstance(tree[key], dict | list) and tree[key] and provider.ConsumeIntInRange(0, 4):
            tree = tree[key]
            continue
        match provider.ConsumeIntInRange(0, 3):
            case 0:
                del tree[key]
            case 1 if isinstance(tree, dict):
                tree[provider.PickValueInList([f"{key}x", 1, "", "name", "filters", "kind"])] = tree.pop(key)
            case 2 if isinstance(tree, list):
                tree.append(_copied(tree[key]))
            case _:
                tree[key] = _copied(provider.PickValueInList(SCALARS))
        return
