"""What people ask of the running log: recent events, dead letters, and to try a dead letter again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from knative_local.dispatcher import Dispatcher
from knative_local.http_types import HttpRequest, HttpResponse
from knative_local.log.port import DeadLetter, EventLog, LogUnavailable, Record

_MOST_AT_ONCE = 1_000
_LONGEST_WAIT_S = 30.0

T = TypeVar("T")


class _Refused(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Admin:
    """Answers below one path: `/events`, `/dead-letters`, `/dead-letters/<id>/replay`.

    `brokers` and `channels` are keys; who names none means the Broker, when there is just one.
    """

    def __init__(
        self, log: EventLog, dispatcher: Dispatcher, brokers: Iterable[str], channels: Iterable[str] = ()
    ) -> None:
        self._log = log
        self._dispatcher = dispatcher
        self.apply(brokers, channels)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        log.subscribe(self._appended)

    def apply(self, brokers: Iterable[str], channels: Iterable[str]) -> None:
        """Answer for these from now on."""
        self._brokers = sorted(brokers)
        self._logs = [*self._brokers, *sorted(channels)]

    async def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request, its target relative to where this is mounted; None when there is no such path."""
        path, _, query = request.target.partition("?")
        parts = path.strip("/").split("/")
        asked = dict(parse_qsl(query))
        try:
            match (request.method, parts):
                case "GET", ["events"]:
                    return _json(200, await self._events(asked))
                case "GET", ["dead-letters"]:
                    return _json(200, self._dead_letters(asked))
                case "GET", ["dead-letters", id_]:
                    return _json(200, _dead_letter(self._find(id_)))
                case "POST", ["dead-letters", id_, "replay"]:
                    return _json(202, self._replay(id_))
                case _, ["events" | "dead-letters", *_]:
                    raise _Refused(405, f"{request.method} {path} is not there")
                case _:
                    return None
        except _Refused as refused:
            return _problem(refused.status, str(refused))
        except LogUnavailable as error:
            return _problem(503, str(error))

    def release_waiting(self) -> None:
        """Answer those who wait for events at once, so that nothing holds up a stop."""
        for _, waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def _events(self, asked: dict[str, str]) -> dict[str, Any]:
        """`?broker=&after=&limit=&wait=`: after an offset, or the newest; waits `wait` seconds for a new one."""
        broker = self._broker(asked.get("broker"))
        limit = min(_integer(asked, "limit", 100), _MOST_AT_ONCE)
        with self._listening(broker) as appended:
            end = await self._read(partial(self._log.end, broker))
            after = _integer(asked, "after", max(0, end - limit))
            if after >= end:
                await _within(appended, min(float(_integer(asked, "wait", 0)), _LONGEST_WAIT_S))
        records = await self._read(partial(self._log.read, broker, after, limit))
        return {
            "broker": broker,
            "events": [_record(record) for record in records],
            "next": records[-1].offset if records else max(after, 0),
        }

    async def _read(self, ask: Callable[[], T]) -> T:
        """Beside the loop, where another machine answers."""
        return await asyncio.to_thread(ask) if self._log.reads_elsewhere else ask()

    @contextmanager
    def _listening(self, broker: str) -> Generator[asyncio.Future[None]]:
        """Gives what is done when something is appended from now on."""
        entry = broker, asyncio.get_running_loop().create_future()
        self._waiting.append(entry)
        try:
            yield entry[1]
        finally:
            self._waiting.remove(entry)

    def _appended(self, broker: str, records: Sequence[Record]) -> None:  # noqa: ARG002 - who waits reads them
        for waited_for, waiting in self._waiting:
            if waited_for == broker and not waiting.done():
                waiting.set_result(None)

    def _broker(self, asked: str | None) -> str:
        if asked is None and len(self._brokers) == 1:
            return self._brokers[0]
        if asked in self._logs:
            return str(asked)
        known = ", ".join(self._logs) or "none"
        if asked is None:
            raise _Refused(400, f"say which broker: ?broker=<namespace>/<name>; there are {known}")
        raise _Refused(404, f"there is no broker {asked}; known: {known}")

    def _dead_letters(self, asked: dict[str, str]) -> dict[str, Any]:
        """`?trigger=&limit=&before=`: newest first, with an id below `before`."""
        limit = min(_integer(asked, "limit", 100), _MOST_AT_ONCE)
        before = _integer(asked, "before", 0) or None
        letters = self._log.dead_letters(trigger=asked.get("trigger"), limit=limit, before=before)
        return {
            "dead_letters": [_dead_letter(letter) for letter in letters],
            "total": self._log.dead_letter_total(),
        }

    def _find(self, id_: str) -> DeadLetter:
        letter = self._log.dead_letter(int(id_)) if id_.isdecimal() and len(id_) < 19 else None
        if letter is None:
            raise _Refused(404, f"there is no dead letter {id_}")
        return letter

    def _replay(self, id_: str) -> dict[str, Any]:
        letter = self._find(id_)
        if not self._dispatcher.replay(letter):
            raise _Refused(409, f"dead letter {id_} was for Trigger {letter.trigger}, which is not there any more")
        return {"id": letter.id, "trigger": letter.trigger, "replaying": True}


def _integer(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 15:
        raise _Refused(400, f"{name} is a whole number, not '{text}'")
    return int(text)


def _record(record: Record) -> dict[str, Any]:
    return {
        "offset": record.offset,
        "appended_ms": record.appended_ms,
        "event": msgspec.Raw(record.event.json),
    }


def _dead_letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "trigger": letter.trigger,
        "destination": letter.destination,
        "reason": letter.failure.reason,
        "code": letter.failure.code,
        "data": letter.failure.data,
        "attempts": letter.attempts,
        "when_ms": letter.when_ms,
        "delivered_to_sink": letter.delivered_to_sink,
        "replaying": letter.replaying,
        "event": msgspec.Raw(letter.event.json),
    }


def _json(status: int, content: dict[str, Any]) -> HttpResponse:
    return HttpResponse(status, [(b"content-type", b"application/json")], msgspec.json.encode(content))


async def _within(future: asyncio.Future[None], seconds: float) -> None:
    """Wait for it, so long at most."""
    if seconds > 0:
        await asyncio.wait((future,), timeout=seconds)


def _problem(status: int, detail: str) -> HttpResponse:
    content = {"type": "about:blank", "title": "Cannot answer", "status": status, "detail": detail}
    return HttpResponse(status, [(b"content-type", b"application/problem+json")], msgspec.json.encode(content))
