"""The Kafka that a measurement uses: one that runs, or a node of its own as the tests start it."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from running import ROOT


@contextmanager
def kafka(address: str) -> Generator[str]:
    """``address`` if it is one; else a node (Maven fetches it the first time) whose data are deleted."""
    if address:
        yield address
        return
    sys.path.insert(0, str(ROOT))
    from tests.servers import kafka as server  # noqa: PLC0415 - the tests' server is for those who name none

    with TemporaryDirectory(prefix="kafka-bench-") as folder, server.running(Path(folder)) as started:
        yield started
