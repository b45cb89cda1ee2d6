"""What can happen in the simulation: a shard of vehicles has been driven up to a moment (internal)."""

from typing import Annotated

from msgspec import Meta, Struct

from trackway.events.fields import Moment

SHARDS = 8


class SimulationAdvanced(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All simulated vehicles of ``shard`` have been driven until ``until``; whoever gets this drives the next slice."""

    shard: Annotated[int, Meta(ge=0, lt=SHARDS)]
    until: Moment
