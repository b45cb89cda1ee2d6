"""What stands before the tests' Elasticsearch for clients that ask what that distribution lacks: ``GET /``, with which
some begin, and the making of a data stream. It answers that as Elasticsearch does, and passes all else on as it is.
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
STREAM = "/_data_stream/"
OWN_HEADERS = {"content-length", "transfer-encoding", "connection", "content-encoding", "host", "accept-encoding"}


def made(client: httpx.Client, stream: str) -> tuple[int, dict[str, str], bytes]:
    """The answer to who asked for a data stream, which its first document makes, and then is taken back. (Streams are
    in that distribution, but not the requests about them.)"""
    if client.head(f"/{stream}").is_success:
        error = {"type": "resource_already_exists_exception", "reason": f"data_stream [{stream}] already exists"}
        return 400, PRODUCT, json.dumps({"error": error, "status": 400}).encode()
    first = client.put(f"/{stream}/_create/first", json={"@timestamp": 0}).raise_for_status().json()
    client.delete(f"/{first['_index']}/_doc/first").raise_for_status()
    return 200, PRODUCT, b'{"acknowledged": true}'


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
            if self.command == "PUT" and self.path.startswith(STREAM):
                self._answer(*made(client, self.path.removeprefix(STREAM)))
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
