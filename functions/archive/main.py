"""Writes each day of trips to the archive when it is over, and prunes the store of days that are old enough."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from trackway.events import Event
from trackway.functions import Deps, on_events

LONGEST = timedelta(minutes=4)
"""The delivery has to be answered within the Service's timeout; what is left is done at the next ping."""

_log = logging.getLogger(__name__)


@on_events
async def archive(events: Sequence[Event], deps: Deps) -> Iterable[Event]:  # noqa: ARG001 - a ping says only when
    """Do what is due. To be called again, or by two at once, changes nothing."""
    settings = deps.settings
    if settings.archive is None:
        return ()
    from trackway.archive import Archive, open_bucket, run  # noqa: PLC0415 - only where there is an archive

    begin = deps.clock.now()
    done = await run(
        Archive(open_bucket(settings.archive), settings.tenant),
        deps.store,
        settings.tenant,
        begin,
        settings.keep_days,
        lambda: not deps.draining and deps.clock.now() < begin + LONGEST,
    )
    if done.archived or done.pruned:
        _log.warning(
            "archived %s, pruned %s (%d trips, %d positions of none)%s",
            ", ".join(map(str, done.archived)) or "nothing",
            ", ".join(map(str, done.pruned)) or "nothing",
            done.trips_forgotten,
            done.positions_forgotten,
            "" if done.is_over else "; the rest at the next ping",
        )
    return ()
