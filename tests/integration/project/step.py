"""A step of a Sequence: answers with the event it got, and one more word in its data."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Step(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"steps": [*data.get("steps", []), "step"]}).encode()
        self.send_response(200)
        for name, value in self.headers.items():
            if name.lower().startswith("ce-"):
                self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Step).serve_forever()
