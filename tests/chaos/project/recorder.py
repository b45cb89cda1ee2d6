"""A function that writes down each event before it answers: `python -m recorder NAME`, into $RECORD/NAME.jsonl."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = sys.argv[1]
RECORD = os.open(f"{os.environ['RECORD']}/{NAME}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
BATCH = "application/cloudevents-batch+json"


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-type") == BATCH:
            events = json.loads(body)
        else:
            events = [
                {name[3:].lower(): value for name, value in self.headers.items() if name.lower().startswith("ce-")}
            ]
            events[0]["data"] = json.loads(body)
        lines = [
            json.dumps({"id": each["id"], "key": each["partitionkey"], "data": each["data"], "pid": os.getpid()}) + "\n"
            for each in events
        ]
        # One write, so that a kill leaves all of it or nothing.
        os.write(RECORD, "".join(lines).encode())
        if NAME == "replier":
            return self.answer(
                200,
                body,
                [("ce-specversion", "1.0"), ("ce-id", events[0]["id"] + "-reply"), ("ce-type", "replied"),
                 ("ce-source", "/replier"), ("ce-partitionkey", events[0]["partitionkey"]),
                 ("content-type", "application/json")],
            )  # fmt: skip
        return self.answer(204)

    def answer(self, status: int, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} ok", *(f"{name}: {value}" for name, value in headers or [])]
        if status != 204:
            lines.append(f"content-length: {len(body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256  # with the usual 5, fifty deliveries at once wait for TCP to try again


Server(("127.0.0.1", int(os.environ["PORT"])), Recorder).serve_forever()
