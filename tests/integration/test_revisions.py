"""Traffic between revisions as a person has it: change the template, start again, and share the requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_knative_local import Local

pytestmark = pytest.mark.integration

PROGRAM = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = " ".join([os.environ["COLOR"], *(os.environ[n] for n in ("K_SERVICE", "K_REVISION", "K_CONFIGURATION"))])
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
MANIFEST = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: paint, namespace: shop}
spec:
  template:
    spec:
      containers:
        - command: [python, -c, 'import os; exec(os.environ["PROGRAM"])']
          env: [{name: COLOR, value: COLOR_OF_IT}, {name: PROGRAM, valueFrom: {configMapKeyRef: {name: p, key: p}}}]
"""
SHARED = """
  traffic:
    - {revisionName: paint-00001, percent: 75, tag: stable}
    - {latestRevision: true, percent: 25}
    - {latestRevision: true, tag: next}
"""


class Paint(Local):
    def paint(self, color: str, traffic: str = "") -> Paint:
        """The runtime with this manifest."""
        program = "".join(f"    {line}\n" for line in PROGRAM.splitlines())
        config = (
            f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: p, namespace: shop}}\ndata:\n  p: |\n{program}"
        )
        self.manifests.write_text(MANIFEST.replace("COLOR_OF_IT", color) + traffic + config)
        self.start()
        return self

    def ask(self, name: str = "paint") -> str:
        return self.client.get(f"/_knative/services/shop/{name}/").raise_for_status().text


@pytest.fixture
def paint(tmp_path: Path) -> Iterator[Paint]:
    local = Paint(tmp_path)
    yield local
    if local.process is not None:
        local.stop()
    local.client.close()
    assert local.processes() == []


def test_requests_are_shared_by_percent_and_a_tag_names_its_revision(paint: Paint) -> None:
    assert paint.paint("red").ask() == "red paint paint-00001 paint"
    paint.stop()
    paint.paint("blue", SHARED)
    old, new = "red paint paint-00001 paint", "blue paint paint-00002 paint"
    assert Counter(paint.ask() for _ in range(20)) == {old: 15, new: 5}
    assert (paint.ask("stable-paint"), paint.ask("next-paint")) == (old, new)
    assert {row["name"]: row["instances"] for row in paint.status()["services"]} == {"paint-00001": 1, "paint-00002": 1}


def test_a_revision_that_is_not_there_is_told_before_anything_starts(paint: Paint) -> None:
    text = MANIFEST.replace("COLOR_OF_IT", "red") + "  traffic: [{revisionName: paint-00009, percent: 100}]\n"
    paint.manifests.write_text(text.replace("valueFrom: {configMapKeyRef: {name: p, key: p}}", "value: x"))
    status, error = paint.refusal()
    assert status == 1
    assert "manifests.yaml:2: Service paint: spec.traffic names the revision paint-00009, which is not there" in error
