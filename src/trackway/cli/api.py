"""A client of Trackway's HTTP API for the command line: problem JSON becomes an error with an exit code."""

import os
from typing import Any, NoReturn

import httpx
import typer
from rich.console import Console
from rich.markup import escape

FAILED, USAGE, UNREACHABLE = 1, 2, 3
DEFAULT_URL = "http://127.0.0.1:8080"
REMEDY = "Start it with `make run`, or name another address with --url or TRACKWAY_URL."

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """Say why in one line on standard error and end with ``code``."""
    err.print(f"[red]✗[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


class Api:
    """Requests to a running Trackway at ``url``; whatever goes wrong ends the command with a sentence."""

    def __init__(self, url: str | None = None) -> None:
        self.url = (url or os.environ.get("TRACKWAY_URL") or DEFAULT_URL).rstrip("/")
        try:
            self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        except httpx.InvalidURL as error:
            fail(f"{self.url} is not an address: {error}", USAGE)

    def get(self, path: str, **params: str | int) -> Any:
        """The decoded JSON answer to a GET."""
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """The decoded JSON answer to a POST of a JSON body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, json=body, headers=named)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send and decode; a 4xx or 5xx answer, or none, ends the command."""
        try:
            answer = self._client.request(method, path, **options)
        except httpx.TransportError as error:
            fail(f"Trackway does not answer at {self.url}: {error}. {REMEDY}", UNREACHABLE)
        if answer.is_error:
            fail(problem(answer))
        return answer.json() if answer.content else None

    def healthy(self) -> bool:
        """Whether the gateway answers."""
        try:
            return self._client.get("/healthz", timeout=2).is_success
        except httpx.TransportError:
            return False


def problem(answer: httpx.Response) -> str:
    """The sentence of a problem JSON answer, or its status line where the answer is something else."""
    try:
        body = answer.json()
        title = body.get("title", answer.reason_phrase)
        return f"{title}: {body['detail']}" if body.get("detail") else str(title)
    except (ValueError, KeyError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"
