"""Keeps what nobody could handle, with why, until somebody replays or drops it."""

from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from trackway.events import Event, InvalidEvent
from trackway.functions import Answer, Deps, Http, Problem, Received, Refused, Request
from trackway.storage.port import DeadLetter

LONGEST_REASON = 500
KNATIVE = "knative"
"""Begins the names of the extensions that a broker puts on a dead letter."""

deadletter = Http()


class Told(Struct, frozen=True):
    """What the subscriber answered, as far as it was a problem JSON; the broker keeps the first 1,024 bytes only."""

    detail: str | None = None
    title: str | None = None


@deadletter.on_events
async def keep(events: Sequence[Event], deps: Deps) -> Iterable[Event]:
    """Keep them; never refuses one, whatever it is, since nobody comes after this."""
    letters: dict[str, list[DeadLetter]] = defaultdict(list)
    for event in events:
        letters[event.tenant].append(_letter(event, deps))
    for tenant, kept in letters.items():
        await deps.store.add_dead_letters(tenant, kept)
    return ()


@deadletter.on_unreadable
def salvage(received: Received, error: InvalidEvent) -> Event:
    """What is no event is kept as one: its body, and the headers that say what it should have been."""
    said = {
        name[3:]: value for name, value in received.headers.items() if name.startswith("ce-") and name[3:].isalnum()
    }
    return Event(
        id=said.pop("id", "") or blake2b(received.body, digest_size=8).hexdigest(),
        source=said.pop("source", "") or "/unreadable",
        type=said.pop("type", "") or "unreadable",
        data=received.body,
        datacontenttype=received.headers.get("content-type", "application/octet-stream"),
        extensions={"unreadable": str(error), **{name: value for name, value in said.items() if name != "specversion"}},
    )


@deadletter.post(
    "/v1/dead-letters/{letter_id}/replay",
    answers={202: None, 404: Problem, 422: Problem, 503: Problem},
    summary="Emit the event of a dead letter again, as it was, and forget the letter",
)
async def replay(request: Request[None], deps: Deps) -> Answer:
    letter = await deps.store.dead_letter(request.tenant, request.path["letter_id"])
    if letter is None:
        raise _absent(request)
    event = letter.event
    if "unreadable" in event.extensions:
        raise Refused(422, f"this was no event, so it cannot be emitted again: {letter.reason}"[:LONGEST_REASON])
    own = {name: value for name, value in event.extensions.items() if not name.startswith(KNATIVE)}
    await deps.sink.emit([replace(event, extensions=own)])
    # Only now: a letter that is replayed twice is no harm, one that is lost is.
    await deps.store.drop_dead_letter(request.tenant, letter.letter_id)
    return Answer(202)


@deadletter.delete(
    "/v1/dead-letters/{letter_id}", answers={204: None, 404: Problem, 503: Problem}, summary="Forget a dead letter"
)
async def drop(request: Request[None], deps: Deps) -> Answer:
    if not await deps.store.drop_dead_letter(request.tenant, request.path["letter_id"]):
        raise _absent(request)
    return Answer(204)


def _absent(request: Request[None]) -> Refused:
    return Refused(404, f"there is no dead letter {request.path['letter_id']}", "letter_id")


def _letter(event: Event, deps: Deps) -> DeadLetter:
    destination = event.extensions.get("knativeerrordest", "")
    code = event.extensions.get("knativeerrorcode", "")
    identity = "\n".join((event.source, event.id, destination))
    return DeadLetter(
        letter_id=blake2b(identity.encode(), digest_size=8).hexdigest(),
        event=event,
        failed_at=deps.clock.now(),
        destination=destination,
        code=int(code) if code.isascii() and code.isdigit() and len(code) < 6 else None,
        reason=_reason(event)[:LONGEST_REASON],
    )


def _reason(event: Event) -> str:
    """Why the event failed, in the words of who refused it, as far as they have come through."""
    if "unreadable" in event.extensions:
        return event.extensions["unreadable"]
    code, data = event.extensions.get("knativeerrorcode"), event.extensions.get("knativeerrordata")
    if not data:
        return f"answered {code}" if code else "no answer: the subscriber could not be reached, or took too long"
    try:
        body = b64decode(data + "=" * (-len(data) % 4))
    except ValueError:
        return data
    try:
        told = msgspec.json.decode(body, type=Told)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
    return told.detail or told.title or body.decode(errors="replace")
