import platform
import subprocess
import sys

PAGES_ANEW = """
import resource, sys
from knative_local.heap import keep_freed

def bodies() -> None:
    [bytes(200_000) for _ in range(8)]

def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_freed()
for _ in range(20):
    bodies()
before = faults()
for _ in range(100):
    bodies()
print(faults() - before)
"""
PAGES = 8 * 200_000 // 4096
"""Of what is held at once."""


def pages_anew(mode: str) -> int:
    said = subprocess.run([sys.executable, "-c", PAGES_ANEW, mode], capture_output=True, text=True, check=True)
    return int(said.stdout)


def test_bodies_that_come_and_go_use_the_same_memory() -> None:
    plain, kept = pages_anew("plain"), pages_anew("kept")
    # Where there is nothing to keep the test would show nothing. Of other C libraries no more is promised than that
    # they go on, which has been seen by now.
    assert kept < PAGES < plain / 10 or platform.libc_ver()[0] != "glibc"
