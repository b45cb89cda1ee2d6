"""A real Kubernetes with Knative on this machine, for whoever has none: says how it is asked, lasts until Ctrl-C."""

import signal
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cluster import host


def main() -> int:
    missing = host.missing()
    if missing:
        print(f"No cluster can be started: {missing}.", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with host.running() as cluster, suppress(KeyboardInterrupt):
        print(f"\nknative/overlays/kind, told where this folder is: {cluster.overlay}")
        print("Commands inside of its network, kubectl among them, begin with:")
        print(f"  {host.tool()} exec {cluster.folder} --")
        print("Ctrl-C ends it, and its data go.", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
