"""The two HTTP servers of the runtime: the front door's, and that of the Unix socket by which instances post events."""

from __future__ import annotations

from functools import partial
from typing import Final, Protocol

from knative_local.http1_handlers import Answering, Hot
from knative_local.http1_server import HttpServer
from knative_local.http_types import HttpRequest, HttpResponse, Promise
from knative_local.loopback import refusal
from knative_local.splice import SocketDoor, Splice

LARGEST_BODY: Final = 8 * 1024 * 1024
LARGEST_BATCH: Final = 64 * 1024 * 1024


class Door(SocketDoor, Protocol):
    """What answers everything that comes in from outside."""

    def answer(self, request: HttpRequest) -> Answering:
        """The answer, or the exchange that it comes from (to be closed by the caller)."""
        ...

    @property
    def hot(self) -> Hot | None:
        """The short way for some of it."""
        ...


class Inside(Protocol):
    """What takes events from the functions."""

    def accept(self, request: HttpRequest, *, internal: bool) -> HttpResponse | Promise:
        """Answer a request to `/<namespace>/<broker>`."""
        ...


def public_server(door: Door) -> HttpServer:
    """The server behind the front door's port: strangers are kept out before anything else."""
    return HttpServer(
        door.answer, largest_body=LARGEST_BODY, refuse=refusal, open_socket=partial(Splice, door), hot=door.hot
    )


def internal_server(inside: Inside) -> HttpServer:
    """The server of the Unix socket by which instances post batches of events; its file protects it."""
    return HttpServer(partial(inside.accept, internal=True), largest_body=LARGEST_BATCH)
