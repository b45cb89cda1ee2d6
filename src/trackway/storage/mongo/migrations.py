"""The numbered steps that bring a database from nothing to its present shape; never change one that was released.

Each may be done again, also by several processes at once: MongoDB makes an index once, whoever asks. So nobody has to
hold a lock, and a process that dies in between leaves nothing to clean up.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pymongo import ASCENDING, GEOSPHERE, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from trackway.storage.port import SchemaTooNew

if TYPE_CHECKING:
    from trackway.storage.mongo.address import Address

_Database = AsyncDatabase[dict[str, Any]]
SCHEMA: Final = "schema"
EXPIRY: Final = "expiry"
_INDEX_OPTIONS_CONFLICT: Final = 85


def _index(name: str, *fields: str, **options: Any) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], name=name, **options)


async def _indexes(database: _Database) -> None:
    """Positions need none but that of their ``_id`` (positions.py). ``order`` is age and id in one field (trips.py)."""
    await database["route"].create_indexes([_index("by_name", "tenant", "name", "route_id")])
    await database["trip"].create_indexes(
        [
            _index("by_age", "tenant", "order"),
            _index("by_status", "tenant", "status", "order"),
            _index("by_vehicle", "tenant", "vehicle_id", "order"),
            _index("by_end", "tenant", "ended_us", "trip_id"),
            # Only what is on the road: a few of many.
            _index("open", "tenant", "open", "vehicle_id", partialFilterExpression={"open": True}),
            _index("driven", "tenant", "shard", partialFilterExpression={"open": True, "simulated": True}),
            # A key makes one trip, and a vehicle is planned for one at a time; most trips hold neither, or no longer.
            _index("by_key", "tenant", "key", unique=True, partialFilterExpression={"key": {"$gte": ""}}),
            _index("by_hold", "tenant", "holds", unique=True, partialFilterExpression={"holds": {"$gte": ""}}),
        ]
    )
    await database["trip_event"].create_indexes([_index("by_trip", "tenant", "trip_id", "time_us")])
    await database["vehicle"].create_indexes([_index("by_id", "tenant", "vehicle_id")])
    await database["dead_letter"].create_indexes([_index("by_age", "tenant", "failed_us", "letter_id")])


async def _places(database: _Database) -> None:
    """Where vehicles are, to find those near a place (appending.py)."""
    from trackway.storage.mongo.appending import place_all  # noqa: PLC0415 - it is about an opened database, as all else

    # With its version: two that make it at once have to ask for the same.
    keys = [("tenant", ASCENDING), ("place", GEOSPHERE)]
    by_place = IndexModel(keys, name="by_place", **{"2dsphereIndexVersion": 3})
    await database["vehicle"].create_indexes([by_place])
    await place_all(database)


STEPS: Final[tuple[Callable[[_Database], Awaitable[None]], ...]] = (_indexes, _places)


async def migrate(database: _Database, address: "Address") -> None:
    """Do the steps that the database lacks, and let positions expire as the address says. Raises SchemaTooNew."""
    present = await version(database)
    if present > len(STEPS):
        raise SchemaTooNew(
            f"{address.where} has schema {present}, and this Trackway knows {len(STEPS)} at most; update Trackway"
        )
    for number, step in enumerate(STEPS[present:], present + 1):
        await step(database)
        await database[SCHEMA].update_one({"_id": SCHEMA}, {"$max": {"version": number}}, upsert=True)
    await _let_expire(database, address.keep_positions)


async def version(database: _Database) -> int:
    """How many steps were done."""
    document = await database[SCHEMA].find_one({"_id": SCHEMA})
    return 0 if document is None else int(document["version"])


async def _let_expire(database: _Database, after: timedelta | None) -> None:
    positions = database["position"]
    present = (await positions.index_information()).get(EXPIRY)
    if after is None:
        if present is not None:
            await positions.drop_index(EXPIRY)
        return
    seconds = int(after.total_seconds())
    if present is None:
        try:
            await positions.create_index("at", name=EXPIRY, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code != _INDEX_OPTIONS_CONFLICT:  # somebody else made it meanwhile, for another time
                raise
        else:
            return
    if present is None or present.get("expireAfterSeconds") != seconds:
        await database.command("collMod", "position", index={"name": EXPIRY, "expireAfterSeconds": seconds})
