"""Child processes of the runtime, with real ones: ready, early ends, stubborn ones, and no leftovers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from knative_local.environment import machine_environment
from knative_local.http1 import HttpClient
from knative_local.launcher import Launcher
from knative_local.process import RUN_MARK, Child, StartError, end_leftovers, run_mark

pytestmark = pytest.mark.integration

LISTENS = """
import http.server, os, sys
print("here I am", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


class House:
    def __init__(self, folder: Path, client: HttpClient) -> None:
        self.folder = folder
        self.launcher = Launcher(folder, folder / "state", client)
        self.children: list[Child] = []

    async def python(self, program: str, **more: str) -> Child:
        return await self.run(sys.executable, "-c", program, **more)

    async def run(self, *argv: str, **more: str) -> Child:
        child = await self.launcher.start("fn", argv, machine_environment() | more)
        self.children.append(child)
        return child

    @property
    def written(self) -> str:
        return (self.folder / "state" / "log" / "fn.log").read_text()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    client = HttpClient()
    it = House(tmp_path, client)
    yield it
    it.launcher.kill_all()
    await asyncio.gather(*(child.ended() for child in it.children))
    await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does; there is no event for it."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def test_ready_means_that_it_listens(house: House) -> None:
    child = await house.python(LISTENS)
    await child.ready(10)
    reader, writer = await asyncio.open_connection(child.address.host, child.address.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 501")
    writer.close()
    await writer.wait_closed()
    assert house.written.startswith("here I am\n")


async def test_an_early_end_is_told_in_its_last_words(house: House) -> None:
    child = await house.python("import sys; print('opening'); sys.exit('no such table: orders')")
    with pytest.raises(StartError, match=r"ended with status 1: .*no such table: orders"):
        await child.ready(10)


async def test_a_process_that_never_listens_is_given_up(house: House) -> None:
    child = await house.python("import time; time.sleep(60)")
    with pytest.raises(StartError, match=rf"does not listen on PORT={child.address.port}"):
        await child.ready(0.05)


async def test_a_program_that_is_not_there(house: House) -> None:
    with pytest.raises(StartError, match="cannot start /no/such/program"):
        await house.run("/no/such/program")


async def test_a_stubborn_process_is_killed_after_its_grace(house: House) -> None:
    child = await house.python("import signal; signal.signal(15, signal.SIG_IGN)\n" + LISTENS)
    await child.ready(10)
    await child.stop(0.1)
    assert await child.ended() == -signal.SIGKILL
    assert child.reason.startswith("was ended by SIGKILL")


async def test_a_process_that_drains_ends_by_itself(house: House) -> None:
    child = await house.python("import signal, sys; signal.signal(15, lambda *_: sys.exit(0))\n" + LISTENS)
    await child.ready(10)
    await child.stop(10)
    assert await child.ended() == 0


async def test_what_a_process_started_ends_with_it(house: House) -> None:
    child = await house.run("/bin/sh", "-c", "sleep 60 & echo $!; sleep 60")
    await until(lambda: house.written.strip().isdigit())
    grandchild = int(house.written)
    assert alive(grandchild)
    os.kill(child.pid, signal.SIGKILL)
    await child.ended()
    await until(lambda: not alive(grandchild))


async def test_a_very_long_line_and_no_newline_at_the_end(house: House) -> None:
    child = await house.python("import sys; sys.stdout.write('x' * 100_000 + 'end')")
    await child.ended()
    assert house.written.replace("\n", "") == "x" * 100_000 + "end"


async def test_leftovers_of_this_state_folder_are_ended_and_no_others(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    processes = [subprocess.Popen(["sleep", "60"], env={RUN_MARK: run_mark(state)}) for state in (mine, other)]
    try:
        assert end_leftovers(mine) == 1
        assert processes[0].wait(10) == -signal.SIGKILL
        assert processes[1].poll() is None
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def test_a_log_that_cannot_be_opened_is_a_start_that_fails(house: House) -> None:
    (house.folder / "state").mkdir()
    (house.folder / "state" / "log").write_text("a file where the folder would be")
    with pytest.raises(StartError, match="exists"):
        await house.python(LISTENS)
