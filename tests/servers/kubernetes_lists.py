"""An API server as far as a program that only looks is concerned: it lists given objects, and nothing ever changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

KINDS = {
    "configmaps": "ConfigMap",
    "customresourcedefinitions": "CustomResourceDefinition",
    "deployments": "Deployment",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
    "namespaces": "Namespace",
    "nodes": "Node",
    "pods": "Pod",
    "secrets": "Secret",
    "services": "Service",
    "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
}
Object = dict[str, Any]


@contextmanager
def serving(objects: Sequence[Object]) -> Iterator[Object]:
    """A kubeconfig of the server."""
    stopped = Event()

    class Lists(_Lists):
        there = objects
        ended = stopped

    server = ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "it", "user": {}}],
        }
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Lists(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    there: Sequence[Object]
    ended: Event

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        if url.path == "/version":
            self._answer(200, {"major": "1", "minor": "35", "gitVersion": "v1.35.0"})
        elif "sendInitialEvents" in asked:  # whoever asks in this way asks for the list then
            self._answer(422, _status(422, "Invalid"))
        elif "watch" in asked:
            self._watch()
        else:
            self._answer(*self._found(url.path, "labelSelector" in asked))

    def _watch(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.ended.wait()

    def _found(self, path: str, by_label: bool) -> tuple[int, Object]:
        words = path.strip("/").split("/")
        api, words = (
            ("/".join(words[1:3]), words[3:]) if words[0] == "apis" else (words[1] if words[1:] else "", words[2:])
        )
        namespace = words[1] if len(words) > 2 else None
        plural, name = (words[2:] if namespace else words)[:1], (words[3:] if namespace else words[1:])
        kind = KINDS.get(plural[0]) if plural else None
        if kind is None:
            return 404, _status(404, "NotFound")
        objects = [each for each in self.there if (each["apiVersion"], each["kind"]) == (api, kind)]
        if name:
            found = [each for each in objects if _name(each) == (namespace, name[0])]
            return (200, found[0]) if found else (404, _status(404, "NotFound"))
        partly = "PartialObjectMetadata" in self.headers.get("accept", "")
        version, kind = ("meta.k8s.io/v1", "PartialObjectMetadata") if partly else (api, kind)
        metadata = {"resourceVersion": "1"}
        items: Sequence[Object] = [] if by_label else objects  # nothing here is found by a label
        return 200, {"apiVersion": version, "kind": f"{kind}List", "metadata": metadata, "items": items}

    def _answer(self, status: int, body: Object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _name(it: Object) -> tuple[str | None, str]:
    return it["metadata"].get("namespace"), it["metadata"]["name"]


def _status(code: int, reason: str) -> Object:
    return {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code}
