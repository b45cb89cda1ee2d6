"""Instances that are forked from a warm parent, with real processes: as `python -m` would have started them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from knative_local import fork_server, forking
from knative_local.environment import machine_environment
from knative_local.http1 import HttpClient
from knative_local.launcher import FORK_SERVER, Launcher
from knative_local.process import RUN_MARK, Child, StartError, run_mark
from tests.running import eventually, free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere instances are started from their program"),
]

LIBRARY = """
import os
loaded_by = os.getpid()
answer = 41
"""
TELLS_ALL = """
import gc, json, os, random, signal, sys
import library
print(json.dumps({
    "loaded_here": library.loaded_by == os.getpid(),
    "answer": library.answer,
    "parent": os.getppid(),
    "session": os.getsid(0) == os.getpid(),
    "cwd": os.getcwd(),
    "path": sys.path,
    "argv": sys.argv,
    "orig_argv": sys.orig_argv,
    "name": __name__,
    "main": vars(sys.modules["__main__"]) is globals(),
    "cached": __spec__.name,
    "environment": dict(os.environ),
    "descriptors": sorted(int(entry) for entry in os.listdir("/proc/self/fd")),
    "random": random.random(),
    "gc": gc.isenabled(),
    "sigterm": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
    "sigint": signal.getsignal(signal.SIGINT) == signal.default_int_handler,
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ours": sorted(name for name in sys.modules if name.startswith("knative_local")),
}), flush=True)
"""
LISTENS = """
import http.server, os
import library
print(f"loaded by {library.loaded_by}, answer {library.answer}", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""
MANIFEST = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: listens}
spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/min-scale: "1", local.knative.dev/preload: library}
    spec: {containers: [{command: [python, -m, listens]}]}
"""
SAYS_READY = """
import os, socket, time
import library
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notice:
    notice.sendto(b"STATUS=warm\\nREADY=1", "\\0" + os.environ["NOTIFY_SOCKET"][1:])
time.sleep(60)  # it never listens: only its word makes it ready
"""


class House:
    def __init__(self, folder: Path, client: HttpClient) -> None:
        self.folder = folder
        self.launcher = Launcher(folder, folder / "state", client)
        self.children: list[Child] = []
        self.module("library", LIBRARY)

    def module(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)

    async def run(self, module: str, *arguments: str, preload: str = "library", **more: str) -> Child:
        argv = [sys.executable, "-m", module, *arguments]
        child = await self.launcher.start("fn", argv, machine_environment() | more, tuple(preload.split(",")))
        self.children.append(child)
        return child

    async def told(self, module: str, *arguments: str, **more: str) -> dict[str, Any]:
        """What TELLS_ALL says in its new process."""
        child = await self.run(module, *arguments, **more)
        assert await child.ended() == 0, child.reason
        return json.loads(self.written.splitlines()[-1])

    @property
    def written(self) -> str:
        return (self.folder / "state" / "log" / "fn.log").read_text()

    def parents(self) -> list[psutil.Process]:
        """The fork servers of this house that run; other tests may have a runtime of theirs."""
        mark = run_mark(self.folder / "state")
        found: list[psutil.Process] = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
                if "knative_local.fork_server" in process.cmdline() and process.environ().get(RUN_MARK) == mark:
                    found.append(process)
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    client = HttpClient()
    it = House(tmp_path, client)
    yield it
    it.launcher.kill_all()
    await asyncio.gather(*(child.ended() for child in it.children))
    await it.launcher.stop()
    await client.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another process does; there is no event for it."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_instance_finds_its_modules_loaded_and_all_else_as_python_m_makes_it(house: House) -> None:
    house.module("tells", TELLS_ALL)
    forked = await house.told("tells", "one", "two words", COLOR="red")
    started = await house.told("tells", "one", "two words", COLOR="red", preload="no_such_module")
    assert (forked["loaded_here"], started["loaded_here"]) == (False, True)
    for told in (forked, started):
        for different in ("loaded_here", "random"):
            del told[different]
        for per_process in ("PORT", "NOTIFY_SOCKET", "KNATIVE_LOCAL_METRICS"):
            del told["environment"][per_process]
    assert forked == started
    assert forked["environment"]["COLOR"] == "red"
    assert forked["parent"] == os.getpid()
    assert forked["descriptors"][:3] == [0, 1, 2]


async def test_instances_draw_different_random_numbers(house: House) -> None:
    house.module("tells", TELLS_ALL)
    drawn = [(await house.told("tells", preload="library,random"))["random"] for _ in range(3)]
    assert len(set(drawn)) == 3


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit(3)", "ended with status 3 without a word"),
        ("import sys; sys.exit('no such table: orders')", "ended with status 1: no such table: orders"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL without a word"),
        ("import os; os._exit(7)", "ended with status 7 without a word"),
        ("import atexit; atexit.register(print, 'bye')", "ended with status 0: bye"),
        ("import threading; threading.Thread(target=print, args=['late']).start()", "ended with status 0: late"),
    ],
)
async def test_how_it_ends_is_told_as_ever(house: House, program: str, reason: str) -> None:
    house.module("brief", program)
    child = await house.run("brief")
    with pytest.raises(StartError):
        await child.ready(10)
    assert child.reason == reason


async def test_a_traceback_is_told_in_its_last_words(house: House) -> None:
    house.module("broken", "import library\nlibrary.no_such_thing")
    child = await house.run("broken")
    await child.ended()
    assert child.reason.startswith("ended with status 1: ")
    assert child.reason.endswith("AttributeError: module 'library' has no attribute 'no_such_thing'")


async def test_a_module_that_is_not_there_is_told_in_pythons_words(house: House) -> None:
    child = await house.run("nowhere")
    await child.ended()
    assert child.reason == f"ended with status 1: {sys.executable}: No module named nowhere"


async def test_ready_when_it_says_so(house: House) -> None:
    house.module("says", SAYS_READY)
    child = await house.run("says")
    await child.ready(10)


async def test_ready_when_it_listens(house: House) -> None:
    house.module("listens", LISTENS)
    child = await house.run("listens")
    await child.ready(10)
    reader, writer = await asyncio.open_connection(child.address.host, child.address.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 501")
    writer.close()
    await writer.wait_closed()


async def test_it_is_ended_as_any_process_and_with_what_it_started(house: House) -> None:
    house.module("family", f"import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid, flush=True)\n{LISTENS}")
    child = await house.run("family")
    await child.ready(10)
    grandchild = psutil.Process(int(house.written.split()[0]))
    await child.stop(10)
    assert await child.ended() == -signal.SIGTERM
    await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


async def test_a_killed_parent_takes_no_instance_with_it_and_there_is_a_new_one(house: House) -> None:
    house.module("listens", LISTENS)
    first = await house.run("listens")
    await first.ready(10)
    (parent,) = house.parents()
    parent.kill()
    await until(lambda: house.parents() not in ([], [parent]))
    assert psutil.Process(first.pid).is_running()
    second = await house.run("listens")
    await second.ready(10)
    (other,) = house.parents()
    assert house.written.splitlines() == [f"loaded by {pid}, answer 41" for pid in (parent.pid, other.pid)]
    await first.stop(10)
    assert await first.ended() == -signal.SIGTERM


async def test_a_parent_that_is_killed_while_instances_start_costs_time_and_none_of_them(house: House) -> None:
    house.module("listens", LISTENS)
    house.launcher.warm([sys.executable, "-m", "listens"], machine_environment(), ("library",))
    await until(house.parents)
    starting = [asyncio.ensure_future(house.run("listens")) for _ in range(4)]
    await asyncio.sleep(0)
    house.parents()[0].kill()
    for child in await asyncio.gather(*starting):
        await child.ready(30)


async def test_the_next_instance_runs_what_the_files_say_now(house: House) -> None:
    house.module("listens", LISTENS)
    await (await house.run("listens")).ready(10)
    house.module("library", LIBRARY.replace("41", "42"))
    os.utime(house.folder / "library.py", (1, 1))  # a file system may count in whole seconds
    for _ in range(2):
        await (await house.run("listens")).ready(10)
    assert [line.rpartition(" ")[2] for line in house.written.splitlines()] == ["41", "42", "42"]


@pytest.mark.parametrize(
    ("library", "log"),
    [
        ("raise ImportError('not today')", "cannot preload library, so starts are slow: the fork server ended with"),
        (
            "import time, threading; threading.Thread(target=time.sleep, args=[60], daemon=True).start()",
            "runs a thread",
        ),
    ],
)
async def test_what_cannot_be_preloaded_is_told_and_instances_start_without(
    house: House, caplog: pytest.LogCaptureFixture, library: str, log: str
) -> None:
    caplog.set_level("INFO")
    house.module("library", library)
    house.module("brief", "print('hello')")
    child = await house.run("brief")
    assert await child.ended() == 0
    assert house.written == "hello\n"
    assert log in caplog.text


async def test_modules_that_never_load_hold_up_one_start_and_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "LOAD_TIMEOUT_S", 0.1)
    house.module("library", "import time; time.sleep(600)")
    house.module("brief", "print('hello')")
    for _ in range(2):
        assert await (await house.run("brief")).ended() == 0
    assert house.written == "hello\nhello\n"
    await until(lambda: house.parents() == [])


async def test_nothing_is_left_when_the_launcher_has_stopped(house: House) -> None:
    house.module("brief", "print('hello')")
    await (await house.run("brief")).ended()
    (parent,) = house.parents()
    assert parent.environ()[RUN_MARK] == str((house.folder / "state").resolve())  # so that `end_leftovers` finds it
    await house.launcher.stop()
    assert house.parents() == []


async def test_a_crowd_is_forked_to_the_last(house: House) -> None:
    house.module("brief", "import library; print(library.loaded_by)")
    large = {f"VARIABLE_{number}": "x" * 1000 for number in range(40)}
    crowd = await asyncio.gather(*(house.run("brief", **large) for _ in range(30)))
    assert [await child.ended() for child in crowd] == [0] * 30
    assert len(set(house.written.split())) == 1


def test_a_killed_runtime_takes_its_forked_instances_and_their_parent_with_it(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "listens.py").write_text(LISTENS)
    (tmp_path / "manifests.yaml").write_text(MANIFEST)
    port = free_port()
    command = [sys.executable, "-m", "knative_local.runtime", "manifests.yaml", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as runtime:
        assert runtime.stdout is not None
        assert any("Ctrl-C" in line for line in runtime.stdout)
        below = eventually(lambda: _serving(runtime.pid), what="an instance")
        runtime.kill()
        psutil.wait_procs(below, timeout=10)
        assert [each for each in below if each.is_running()] == []


def _serving(runtime: int) -> list[psutil.Process] | None:
    """The fork server and the instance, once both are there: each is the runtime's own child."""
    below = psutil.Process(runtime).children()
    words = [" ".join(each.cmdline()) for each in below]
    is_there = any("-m listens" in each for each in words) and any("fork_server" in each for each in words)
    return below if is_there else None


async def test_ps_shows_what_an_instance_runs(house: House) -> None:
    house.module("listens", LISTENS)
    child = await house.run("listens", "--color", "red")
    await child.ready(10)
    words = [word for word in psutil.Process(child.pid).cmdline() if word]
    assert words == [sys.executable, "-m", "listens", "--color", "red"]


def test_no_module_of_ours_hides_one_that_the_fork_server_imports() -> None:
    folder = Path(fork_server.__file__).parent
    names = {path.stem for path in folder.iterdir()}
    assert names.isdisjoint(sys.stdlib_module_names)
    assert FORK_SERVER not in names
