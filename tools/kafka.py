"""A real Kafka of one node, as the tests start it, for whoever has none: prints its address, lasts until Ctrl-C."""

import signal
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import kafka


def main() -> int:
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with TemporaryDirectory(prefix="kafka-") as folder, suppress(KeyboardInterrupt):
        try:
            with kafka.running(Path(folder)) as address:
                print(f"Kafka is at {address}; Ctrl-C ends it, and its data go.", flush=True)
                signal.pause()
        except (pytest.skip.Exception, pytest.fail.Exception) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
