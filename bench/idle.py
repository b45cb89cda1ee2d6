"""What Trackway takes when nothing happens: memory (PSS) and processor of all its processes, with every function at
zero.

PSS counts a page that several processes share once, divided among them: the sum is what the machine would get back.
"""

import argparse
import sys
import time
from pathlib import Path

import psutil

from report import table
from running import Running, trackway


def pss(process: psutil.Process) -> float:
    """Megabytes, from /proc/<pid>/smaps_rollup."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {process.pid} tells no PSS")


def processor(process: psutil.Process) -> float:
    """Seconds used so far."""
    times = process.cpu_times()
    return times.user + times.system


def name_of(process: psutil.Process) -> str:
    """The module or program that runs."""
    words = process.cmdline()
    return words[words.index("-m") + 1] if "-m" in words else process.name()


def measure(running: Running, options: argparse.Namespace) -> int:
    drive_a_trip(running)
    print("waiting until everything has scaled to zero …", flush=True)
    running.wait_for_zero()
    time.sleep(options.settle)  # what the last instances did at their end is not idling
    processes = running.tree()
    before = {process: processor(process) for process in processes}
    begin = time.monotonic()
    time.sleep(options.seconds)  # the measurement itself: nothing is to happen meanwhile
    elapsed = time.monotonic() - begin
    shares = {process: 100 * (processor(process) - used) / elapsed for process, used in before.items()}
    memory = {process: pss(process) for process in processes}
    rows = [[name_of(p), str(p.pid), f"{memory[p]:.1f} MB", f"{shares[p]:.2f} %"] for p in processes]
    total, share = sum(memory.values()), sum(shares.values())
    rows.append(["all", "", f"{total:.1f} MB", f"{share:.2f} %"])
    table(f"Idle for {elapsed:.0f} s, all functions at zero", ["process", "pid", "PSS", "of a core"], rows)
    is_over = total > options.memory or share > options.processor
    if is_over:
        print(f"✗ over {options.memory:.0f} MB or {options.processor:.1f} % of a core")
    return int(is_over)


def drive_a_trip(running: Running) -> None:
    """Wake every function once, so that what is measured is what stays behind."""
    line = [{"lat": -34.9011, "lng": -56.1645}, {"lat": -34.9011, "lng": -56.1600}]
    route = running.client.post("/v1/routes", json={"name": "Idle", "points": line}).raise_for_status().json()
    body = {"route_id": route["route_id"], "vehicle_id": "idle-1", "speed": 50}
    trip = running.client.post("/v1/trips", json=body).raise_for_status().json()["trip_id"]
    running.wait(lambda: running.get(f"/v1/trips/{trip}")["trip"]["status"] == "finished", 60, "the trip's end")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="measured (default 60, at most 600)")
    parser.add_argument(
        "--settle", type=float, default=5, help="seconds to leave after the last scale-down (default 5)"
    )
    parser.add_argument(
        "--memory", type=float, default=150, help="MB that all may take; exit code 1 above (default 150)"
    )
    parser.add_argument("--processor", type=float, default=2, help="%% of a core that all may take (default 2)")
    options = parser.parse_args()
    if not 1 <= options.seconds <= 600:
        parser.error("--seconds is 1 to 600")
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("PSS is told by Linux only (/proc/<pid>/smaps_rollup)")
    with trackway() as running:
        return measure(running, options)


if __name__ == "__main__":
    sys.exit(main())
