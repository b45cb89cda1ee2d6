"""A Prometheus for the Trackway on this machine, with our rules: prints its address, lasts until Ctrl-C."""

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import prometheus


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scrape", type=int, default=8080, help="the port of Trackway")
    parser.add_argument("--port", type=int, default=9090, help="where Prometheus listens, on 127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path("var/prometheus"), help="where its data are kept")
    given = parser.parse_args()
    data: Path = given.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    with suppress(KeyboardInterrupt):
        try:
            target = f"127.0.0.1:{given.scrape}"
            with prometheus.running(
                data, prometheus.job(target, "/_knative/metrics"), every_s=5, port=given.port
            ) as url:
                print(f"Prometheus is at {url} and asks {target}; Ctrl-C ends it.", flush=True)
                signal.pause()
        except (pytest.skip.Exception, pytest.fail.Exception) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
