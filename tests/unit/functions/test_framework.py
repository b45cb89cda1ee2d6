"""functions-framework is loaded without Flask, and Flask is none the worse for it."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from trackway.functions.framework import create_asgi_app
app = create_asgi_app("noop", sys.argv[1])
loaded = {name.partition(".")[0] for name in sys.modules}
print("flask" in loaded, "werkzeug" in loaded)
import flask
print(flask.Flask("x").test_client().get("/").status_code, type(app).__module__)
"""
MAIN = """
from trackway.functions import on_events

@on_events
async def noop(events, deps):
    return ()
"""


@pytest.mark.parametrize(
    ("prologue", "loaded"),
    [
        ("", "False False"),
        ("import flask\n", "True True"),
        ("import trackway.functions.framework as f\nf._StandIn.__getattr__ = None\n", "True True"),
    ],
)
def test_the_app_is_the_frameworks_with_or_without_flask(tmp_path: Path, prologue: str, loaded: str) -> None:
    main = tmp_path / "main.py"
    main.write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "-c", prologue + PROGRAM, str(main)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [loaded, "404 starlette.applications"]
