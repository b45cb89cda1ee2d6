"""The command line `trackway`: start it, drive it, look at it.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not reachable, 4 something would change (`deploy diff`).
"""

import sys


def main() -> None:
    """Entry point of the console script."""
    from trackway.cli.commands import app  # noqa: PLC0415 - keeps `import trackway.cli` free of typer and rich

    app(prog_name="trackway", args=sys.argv[1:])
