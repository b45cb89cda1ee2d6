"""`python -m tests.chaos --minutes 1 --seed 7`: seed after seed until the time is over; 1 when a promise was broken."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.world import World


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--events", type=int, default=3_000, help="acknowledged events of a seed")
    parser.add_argument("--kills", type=int, default=40, help="kills of a seed")
    parser.add_argument("--log", help="the runtime's log, as `up --log` takes it")
    parser.add_argument("--verbose", action="store_true", help="a line for each kill")
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    seed, broken = options.seed, 0
    while time.monotonic() < end:
        broken += one(seed, options.events, options.kills, options.log, verbose=options.verbose)
        seed += 1
    print(f"{seed - options.seed} seeds, {broken} with a broken promise")
    return 1 if broken else 0


def one(seed: int, events: int, kills: int, log: str | None, *, verbose: bool) -> bool:
    """Run one seed and print what came of it; whether a promise was broken."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        world = World(Path(folder), seed, log=log, say=print if verbose else lambda _: None)
        try:
            run = world.run(events=events, kills=kills)
        finally:
            world.leave_nothing()
        found = world.check(run)
        print(f"seed {seed}: {len(run.posted)} events, {world.kills} kills, {world.restarts} restarts, "
              f"{world.changes} changes, {world.repeats} repeats, {len(found)} broken promises")  # fmt: skip
        for sentence in found:
            print(f"  {sentence}")
        if found:
            print(world.output()[-4_000:])
        return bool(found)


if __name__ == "__main__":
    sys.exit(main())
