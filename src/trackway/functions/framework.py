"""functions-framework's ASGI side, loaded without Flask.

The framework imports Flask and Werkzeug for its WSGI side, which is never used here: a quarter of what its import
costs. While it is imported, stand-ins take their places, since the ASGI side needs their names for annotations only.
"""

import importlib
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from os import environ
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

_ABSENT: Final = ("flask", "flask.typing", "werkzeug", "werkzeug.local", "werkzeug.exceptions", "werkzeug.utils")


class _Nothing:
    """What a name of a stand-in means: a class, or what decorates a function."""

    def __init__(self, *_: object) -> None: ...


class _StandIn(ModuleType):
    """A module in which there is any name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


@contextmanager
def _without_flask() -> Generator[None]:
    stand_ins = {name: _StandIn(name) for name in _ABSENT}
    vars(stand_ins["flask"])["typing"] = stand_ins["flask.typing"]
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            sys.modules.pop(name, None)  # whoever imports Flask later gets the real one


def create_asgi_app(target: str, source: str) -> "ASGIApplication":
    """functions-framework's app that calls the plain function ``target`` of the file ``source`` (its http
    signature)."""
    create = cast("Callable[..., ASGIApplication]", vars(load())["create_asgi_app"])  # the framework has no types
    return create(target=target, source=source, signature_type="http")


def load() -> ModuleType:
    """The framework's ASGI side, imported when it is not yet."""
    # Its logging of execution ids asks Flask for the request.
    if "flask" in sys.modules or "functions_framework" in sys.modules or environ.get("LOG_EXECUTION_ID"):
        return importlib.import_module("functions_framework.aio")
    try:
        with _without_flask():
            return importlib.import_module("functions_framework.aio")
    except (ImportError, AttributeError, TypeError):  # another version, which needs more of Flask: then with it
        for name in [name for name in sys.modules if name.partition(".")[0] == "functions_framework"]:
            del sys.modules[name]
        return importlib.import_module("functions_framework.aio")
