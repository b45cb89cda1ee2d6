"""The warm parent of a Service's instances: a program that imports once what they need, and forks for each of them.

It is started by its path and imports the standard library only, so that an instance finds in its process what it asked
to be preloaded and nothing of ours. It has no threads and no loop. An instance goes on from here as `python -m MODULE`
would, and as a child of the runtime: it lives on when its warm parent is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

LARGEST_REQUEST: Final = 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Start:
    """What an instance is to be: `python -m` with these words and variables, and two descriptors for what it writes."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    output: tuple[int, int]


def main(control: socket.socket, modules: list[str]) -> Start:
    """Preload, then serve `control` until the runtime closes it. Returns in an instance only."""
    runtime = os.getppid()
    set_title([sys.executable, "-m", "knative_local.fork_server", *modules])
    gc.disable()  # what is imported here stays; nobody need look for garbage in it
    for module in modules:
        importlib.import_module(module)
    sources = own_sources()
    gc.collect()
    gc.freeze()  # else the collector would write to every page, and each instance would have its own copy
    answer(control, {"ready": True})
    while True:
        start = receive(control)
        if start is None:
            sys.exit(0)
        stale = changed(sources)
        if stale or is_threaded():
            why = f"{stale} has changed" if stale else "a preloaded module runs a thread, which no fork takes along"
            answer(control, {"refused": why, "stale": bool(stale)})
        elif is_instance(runtime, start, control):
            return start
        for descriptor in start.output:
            os.close(descriptor)


def receive(control: socket.socket) -> Start | None:
    """The next request, or None when the runtime is gone."""
    data, descriptors, _, _ = socket.recv_fds(control, LARGEST_REQUEST, 2)
    if not data:
        return None
    stdout, stderr = descriptors
    return Start(**json.loads(data), output=(stdout, stderr))


def own_sources() -> dict[str, int]:
    """The project's own files among the loaded modules' (not the interpreter's, not installed ones), with their
    times."""
    installed = tuple(os.path.realpath(path) + os.sep for path in (sys.prefix, sys.base_prefix))
    files = {str(path) for module in list(sys.modules.values()) if (path := getattr(module, "__file__", None))}
    return {path: modified(path) for path in files - {__file__} if not os.path.realpath(path).startswith(installed)}


def modified(path: str) -> int:
    """When a file was changed last, in nanoseconds; 0 for one that is not there."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


def changed(sources: dict[str, int]) -> str | None:
    """A file that is not what was loaded, or None: an instance would differ from one started in the ordinary way."""
    return next((path for path, time_ns in sources.items() if modified(path) != time_ns), None)


def is_threaded() -> bool:
    """Whether there are other threads than this one."""
    return len(list(Path("/proc/self/task").iterdir())) > 1


def answer(control: socket.socket, said: dict[str, Any]) -> None:
    """Tell the runtime."""
    control.send(json.dumps(said).encode())


def is_instance(runtime: int, start: Start, control: socket.socket) -> bool:
    """Fork: True in the new instance, False here, where the runtime has been told of it.

    There are two forks, of which the one in the middle ends at once. So the instance is orphaned, and becomes a child
    of the runtime, which has made itself the one who adopts.
    """
    mine, its = socket.socketpair()
    with mine, its:
        try:
            middle = os.fork()
        except OSError as error:
            answer(control, {"refused": f"the system has no room for a process: {error.strerror}", "stale": False})
            return False
        if middle == 0:
            end_or_be_instance(runtime, start, its, (mine, control))
            return True
        its.close()
        os.waitpid(middle, 0)
        pid = mine.recv(32)
        if pid:
            answer(control, {"pid": int(pid)})
            with contextlib.suppress(OSError):  # it was killed already, which the runtime sees by itself
                mine.send(b"!")
        else:
            answer(control, {"refused": "the system has no room for a process", "stale": False})
    return False


def end_or_be_instance(runtime: int, start: Start, parent: socket.socket, not_mine: tuple[socket.socket, ...]) -> None:
    """End, in the process in the middle; return in the instance. Nothing may leave here as an exception, for it would
    find the server's own code."""
    try:
        if os.fork():
            os._exit(0)
        for connection in not_mine:
            connection.close()
        for number, descriptor in enumerate(start.output, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.setsid()
        parent.send(b"%d" % os.getpid())
        # Without a word the server was killed, and nobody knows of this process.
        if not parent.recv(1):
            os._exit(1)
        # As in process.py, and only now: it is the end of the parent of this moment that counts.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != runtime:
            os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def become(start: Start) -> None:
    """Run the module. What it raises and how it ends is the interpreter's business, as ever."""
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    gc.enable()
    set_title([sys.executable, "-m", start.module, *start.arguments])
    sys.argv = [start.module, *start.arguments]
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    sys.modules["__main__"] = ModuleType("__main__")
    # `run_module` would differ from `python -m` in the words about a module that is not there, and in what `__main__`
    # is once the module's own code has run (for its threads and what it does at exit).
    runpy._run_module_as_main(start.module)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def set_title(words: list[str]) -> None:
    """Let `ps` show these words: they are written over the argument list with which this process was started."""
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    title = b"".join(os.fsencode(word) + b"\0" for word in words)
    if len(title) <= end - begin:
        ctypes.memset(begin, 0, end - begin)
        ctypes.memmove(begin, title, len(title))


if __name__ == "__main__":
    if not sys.flags.safe_path:
        sys.path[0] = str(Path.cwd())  # as for `python -m`; it was this file's folder
    # arguments: the control socket's descriptor, the modules, and blanks that make room for longer titles
    become(main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2].split(",")))
