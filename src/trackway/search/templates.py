"""Index templates: what connect/index-templates says, brought to Elasticsearch; done again, nothing changes."""

import json
from collections.abc import AsyncGenerator, Awaitable, Iterator
from datetime import UTC, date, datetime, time
from itertools import product
from pathlib import Path
from typing import Any, Final

from elasticsearch import AsyncElasticsearch, BadRequestError

Document = dict[str, Any]

EVENT, LIFECYCLE = "trackway-event", "trackway-lifecycle"
KINDS: Final = ("positions", "trips", "alerts")
MONTHS_AHEAD: Final = 1


def read(folder: Path, name: str) -> Document:
    """A template as it lies in the folder. Raises FileNotFoundError."""
    return json.loads((folder / f"{name}.json").read_bytes())


def index_template(folder: Path, kind: str, *, data_streams: bool) -> Document:
    """The template of a kind's indices: one per month, or those behind a data stream."""
    template = read(folder, f"trackway-{kind}")
    if data_streams:
        # The stream bears the name without a month; its timestamp is written by SearchDocument's index.by.month=false.
        template |= {"index_patterns": [f"trackway-{kind}"], "data_stream": {}}
        template["template"]["mappings"]["properties"]["@timestamp"] = {"type": "date"}
    return template


async def install(
    client: AsyncElasticsearch, folder: Path, today: date, *, lifecycle: bool = False, data_streams: bool = False
) -> AsyncGenerator[str]:
    """Put everything in place, saying what was done: the templates, and this and next month's indices, since a sink
    that makes an index itself lets any field into it, or the data streams, since a sink wants to find them there.
    ``lifecycle`` and data streams are what not every server has."""
    await client.cluster.put_component_template(name=EVENT, body=read(folder, EVENT))
    yield f"component template {EVENT}"
    if lifecycle:
        policy = read(folder, "lifecycle/data-streams" if data_streams else "lifecycle/indices")
        await client.ilm.put_lifecycle(name=LIFECYCLE, body={"policy": policy})
        yield f"lifecycle policy {LIFECYCLE}"
        await client.cluster.put_component_template(name=LIFECYCLE, body=read(folder, "lifecycle/component"))
        yield f"component template {LIFECYCLE}"
    for kind in KINDS:
        name = f"trackway-{kind}-stream" if data_streams else f"trackway-{kind}"
        await client.indices.put_index_template(name=name, body=index_template(folder, kind, data_streams=data_streams))
        yield f"index template {name}"
    if data_streams:
        for stream in (f"trackway-{kind}" for kind in KINDS):
            made = await _make(client.indices.create_data_stream(name=stream))
            yield f"data stream {stream}" + ("" if made else " (is there)")
    else:
        for kind, month in product(KINDS, months(today, MONTHS_AHEAD)):
            index = f"trackway-{kind}-{month:%Y.%m}"
            made = await _make(client.indices.create(index=index))
            if lifecycle:
                await client.indices.put_settings(index=index, settings=_aging(month))
            yield f"index {index}" + ("" if made else " (is there)")


async def _make(making: Awaitable[object]) -> bool:
    """False where it is there already."""
    try:
        await making
    except BadRequestError as error:
        if error.error != "resource_already_exists_exception":
            raise
        return False
    return True


def _aging(month: date) -> Document:
    """An index is as old as its month, not as its making a month before: else it is merged while it is written to."""
    begin = datetime.combine(month, time(), UTC)
    return {"index.lifecycle.name": LIFECYCLE, "index.lifecycle.origination_date": int(begin.timestamp() * 1000)}


def months(today: date, ahead: int) -> Iterator[date]:
    """The first of this month, and of those after it."""
    for number in range(today.year * 12 + today.month - 1, today.year * 12 + today.month + ahead):
        yield date(number // 12, number % 12 + 1, 1)
