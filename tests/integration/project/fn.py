"""A function as anyone might write it: standard library only, does what an event's `mode` says, records what it got."""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = os.environ.get("K_SERVICE", "web")
RECORD = Path(os.environ["RECORD"])


class Function(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/stream":
            return self.stream()
        seen = {"name": NAME, "pid": os.getpid(), "path": self.path, "host": self.headers["host"]}
        return self.answer(200, json.dumps(seen | {"sink": os.environ.get("K_SINK")}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        event = {name[3:].lower(): value for name, value in self.headers.items() if name.lower().startswith("ce-")}
        event_id, mode = event.get("id", "none"), event.get("mode", "take")
        line = json.dumps(event | {"data": body.decode(), "pid": os.getpid()}) + "\n"
        with (RECORD / f"{NAME}.jsonl").open("a") as record:
            record.write(line)
        if mode == "reply":
            return self.answer(200, body.upper(), {"ce-id": f"{event_id}-loud", "ce-type": "loud"})
        if mode == "refuse":
            return self.answer(400, b"never again")
        if mode == "flaky" and self.attempts(event_id) < 3:
            return self.answer(503, b"not yet")
        if mode == "broken":
            return self.answer(500, b"broken for ever")
        if mode == "hang-once" and self.attempts(event_id) == 1:
            threading.Event().wait()
        return self.answer(204)

    def attempts(self, event_id: str) -> int:
        lines = (RECORD / f"{NAME}.jsonl").read_text().splitlines()
        return sum(json.loads(line).get("id") == event_id for line in lines)

    def answer(self, status: int, body: bytes = b"", event: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (event or {}).items():
            self.send_header(name, value)
        if event:
            self.send_header("ce-specversion", "1.0")
            self.send_header("ce-source", f"/{NAME}")
            self.send_header("content-type", "application/json")
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while not (RECORD / "enough").exists():
            self.wfile.write(b"6\r\ntick\n\n\r\n")
            self.wfile.flush()
            time.sleep(0.05)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


if "--broken" in sys.argv:
    sys.exit("no such table: orders")
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Function).serve_forever()
