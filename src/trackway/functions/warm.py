"""What functions need, imported: a process that is forked from one which has this starts in a fraction of the time."""

from importlib import import_module

from trackway.functions import framework, server
from trackway.storage import sqlite

__all__ = ["framework", "server", "sqlite"]

framework.load()
import_module("igraph")  # only plan needs it, and only then: it costs the common parent 5 MB, and plan 40 ms
