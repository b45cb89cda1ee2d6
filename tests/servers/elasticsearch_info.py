"""What stands before the tests' Elasticsearch for clients that begin with ``GET /``, which that distribution lacks.

It answers that one question as Elasticsearch does, and passes everything else on as it is.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx

from tests.servers.elasticsearch import VERSION

INFO = {
    "name": "one",
    "cluster_name": "trackway-tests",
    "cluster_uuid": "tests",
    "version": {
        "number": VERSION,
        "build_flavor": "default",
        "build_type": "tar",
        "build_hash": "0",
        "build_date": "2026-01-01T00:00:00Z",
        "build_snapshot": False,
        "lucene_version": "9.12.2",
        "minimum_wire_compatibility_version": "7.17.0",
        "minimum_index_compatibility_version": "7.0.0",
    },
    "tagline": "You Know, for Search",
}
PRODUCT = {"Content-Type": "application/json", "X-Elastic-Product": "Elasticsearch"}
OWN_HEADERS = {"content-length", "transfer-encoding", "connection", "content-encoding", "host", "accept-encoding"}


@contextmanager
def before(url: str) -> Iterator[str]:
    """The address of the one in between."""
    client = httpx.Client(base_url=url, timeout=60, trust_env=False)

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            if self.path == "/":
                self._answer(200, PRODUCT, json.dumps(INFO).encode())
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN_HEADERS}
            try:
                answer = client.request(self.command, self.path, content=body, headers=headers)
            except httpx.TransportError:
                self.close_connection = True  # as if nobody were there
                return
            self._answer(answer.status_code, dict(answer.headers), answer.content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - as http.server calls them

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in OWN_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()
