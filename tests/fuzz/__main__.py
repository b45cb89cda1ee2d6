"""Runs one target: `python -m tests.fuzz NAME [libFuzzer's options]`."""

import sys
from importlib import import_module

import atheris


def main() -> None:
    """Never returns: libFuzzer ends the process, with 0 when nothing was found."""
    _, name, *options = sys.argv
    # What is imported here tells libFuzzer which of its lines were reached.
    with atheris.instrument_imports(include=["knative_local", "trackway"]):
        target = import_module(f"tests.fuzz.targets.{name}")
    atheris.Setup([f"fuzz-{name}", *options], target.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
