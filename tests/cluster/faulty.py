"""A function that answers as its events say, in turn: ``{"answers": [503, "silence", 204]}``; the last one for ever.

Its source is run by ``python -c`` in a Pod of any image that has Python, so nothing here needs a library. An event that
asks for nothing is answered with itself. GET tells what came, by event id."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SILENCE = 2.5
"""Seconds, longer than the timeout of the Trigger under test."""

came: dict[str, list[dict[str, object]]] = {}


class Faulty(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """What came so far."""
        self._answer(200, json.dumps(came).encode(), "application/json")

    def do_POST(self) -> None:
        """An event in binary mode."""
        body, is_chunked = self._read()
        calls = came.setdefault(self.headers["ce-id"], [])
        calls.append({"at": time.time(), "chunked": is_chunked})
        said = json.loads(body).get("answers", ["itself"])
        answer = said[min(len(calls), len(said)) - 1]
        if answer == "itself":
            event = {name: value for name, value in self.headers.items() if name.lower().startswith("ce-")}
            self._answer(200, body, self.headers["content-type"], event)
        elif answer == "no event":
            self._answer(200, b"OK", "text/plain")
        elif answer == "batch":
            self._answer(200, b"[]", "application/cloudevents-batch+json")
        elif answer == "silence":
            time.sleep(SILENCE)
            self._answer(204)
        else:
            self._answer(answer, b"" if answer < 300 else b'{"title": "as asked"}', "application/problem+json")

    def _read(self) -> tuple[bytes, bool]:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0))), False
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body, True

    def _answer(self, status: int, body: bytes = b"", kind: str = "", headers: "dict[str, str] | None" = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Faulty).serve_forever()
