"""A JobSink's process: records the event in the file that K_EVENT_PATH leads to, and fails when the event says so."""

import json
import os
import signal
import sys
from pathlib import Path

event = json.loads((Path(os.environ["K_EVENT_PATH"]) / "event").read_text())
record = event | {"mode": os.environ["K_EXECUTION_MODE"]}
path = Path(os.environ["RECORD"]) / "job.jsonl"
first = not path.exists()
with path.open("a") as file:
    file.write(json.dumps(record) + "\n")
if event["type"] == "hangs-once" and first:
    signal.pause()
sys.exit(3 if event["type"] == "fails" else 0)
