"""``python -m trackway.functions NAME``: serve the function functions/NAME on ``PORT``, until SIGTERM.

NAME may be left out where there is only one, as in an image made for it.
"""

import gc
import signal
import sys
from os import environ
from types import FrameType
from typing import NoReturn

from trackway.functions.catalogue import UnknownFunction, names, source_of
from trackway.functions.settings import InvalidSettings, Settings
from trackway.telemetry.logs import UnusableLogging, configure, last_words
from trackway.telemetry.tracing import TracingUnavailable


def main(arguments: list[str]) -> None:
    """Run the command line; exits 2, with one sentence, for what cannot be meant."""
    # Until the server drains, nothing is in flight, and a stop is a clean one.
    signal.signal(signal.SIGTERM, _leave)
    try:
        configure(arguments[0] if arguments else environ.get("K_SERVICE") or "functions")
        settings = Settings.from_environment()
        name = _named(arguments, settings.folder)
        source_of(settings.folder, name)
        # Loading the framework takes most of a cold start: not before it is clear that there is something to serve.
        # None of what is loaded is garbage, so nobody need look for some meanwhile (server.py turns it on again).
        gc.disable()
        from trackway.functions.server import serve  # noqa: PLC0415

        serve(name, settings)
    except (InvalidSettings, TracingUnavailable, UnknownFunction, UnusableLogging) as error:
        _refuse(str(error))
    except OSError as error:
        last_words(error.strerror or str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(0)


def _named(arguments: list[str], folder: str) -> str:
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        return arguments[0]
    known = names(folder)
    if not arguments and len(known) == 1:
        return known[0]
    _refuse(f"usage: python -m trackway.functions NAME (one of: {', '.join(known) or f'none in {folder}/'})")


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _refuse(sentence: str) -> NoReturn:
    last_words(sentence)
    sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
