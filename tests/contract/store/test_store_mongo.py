"""What a store in a MongoDB promises beyond the others: indexes, migrations, expiry, and a server that goes away."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, MongoClient, monitoring
from pymongo.errors import (
    BulkWriteError,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from tests.contract.store.facts import NOON, ROUTE, T, at, finished, position, progressed, started, trip
from tests.contract.store.test_store_forgetting import history_of
from tests.contract.store.test_store_places import near, north, seen
from tests.running import ROOT
from tests.servers.mongo import Server
from trackway.domain.lifecycle import TripStatus
from trackway.storage import open_store
from trackway.storage.identity import event_hash
from trackway.storage.moments import micros
from trackway.storage.mongo.address import Address
from trackway.storage.mongo.connection import connect, explained
from trackway.storage.mongo.migrations import STEPS
from trackway.storage.mongo.positions import document_of, position_id, vehicle_key
from trackway.storage.port import SchemaTooNew, Store, StoreUnavailable

Document = dict[str, Any]


class Queries(monitoring.CommandListener):
    """The queries that were sent while it listens."""

    def __init__(self) -> None:
        self.listens = False
        self.sent: list[tuple[str, Document]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.listens and event.command_name in {"find", "aggregate"}:
            own = {"lsid", "$db", "$clusterTime", "$readPreference", "txnNumber"}
            command = {name: value for name, value in event.command.items() if name not in own}
            self.sent.append((event.command[event.command_name], command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


QUERIES = Queries()
monitoring.register(QUERIES)


@pytest.fixture
def database(mongo_url: str) -> Iterator[Any]:
    """The fresh database, looked at from beside."""
    with MongoClient[Document](mongo_url) as client:
        yield client.get_default_database()


VEHICLES = {("position", "_id_"), ("trip", "open")}
ASKED: list[tuple[str, Callable[[Store], Awaitable[object]], set[tuple[str, str]]]] = [
    ("a route", lambda s: s.route(T, "r1"), {("route", "_id_")}),
    ("routes", lambda s: s.routes(T), {("route", "by_name")}),
    ("a trip", lambda s: s.trip(T, "t1"), {("trip", "_id_"), ("position", "_id_")}),
    ("trips", lambda s: s.trips(T), {("trip", "by_age"), ("position", "_id_")}),
    ("a page of trips", lambda s: s.trips(T, before=(at(99), "t9")), {("trip", "by_age"), ("position", "_id_")}),
    ("underway", lambda s: s.trips(T, status=TripStatus.UNDERWAY), {("trip", "by_status"), ("position", "_id_")}),
    ("a vehicle's trips", lambda s: s.trips(T, vehicle_id="v1"), {("trip", "by_vehicle"), ("position", "_id_")}),
    (
        "a vehicle's trips underway",
        lambda s: s.trips(T, vehicle_id="v1", status=TripStatus.UNDERWAY),
        {("trip", "by_vehicle"), ("position", "_id_")},
    ),
    ("open trips", lambda s: s.open_trips(T), {("trip", "open"), ("position", "_id_")}),
    ("open trips of some", lambda s: s.open_trips(T, ["v1"]), {("trip", "open"), ("position", "_id_")}),
    ("ended trips", lambda s: s.trips_ended_since(T, NOON, 9), {("trip", "by_end")}),
    ("ended of a time", lambda s: s.trips_ended_between(T, NOON, at(9)), {("trip", "by_end")}),
    ("the earliest end", lambda s: s.earliest_end(T), {("trip", "by_end")}),
    ("counts", lambda s: s.trip_counts(T, NOON), {("trip", "open"), ("trip", "by_end")}),
    ("a timeline", lambda s: s.trip_events(T, "t1"), {("trip_event", "by_trip")}),
    ("a trip's positions", lambda s: s.positions(T, "t1"), {("trip", "_id_"), ("position", "_id_")}),
    ("simulated trips", lambda s: s.simulated_trips(T, 3), {("trip", "driven")}),
    ("a shard", lambda s: s.shard(T, 3), {("shard", "_id_")}),
    ("dead letters", lambda s: s.dead_letters(T), {("dead_letter", "by_age")}),
    ("a dead letter", lambda s: s.dead_letter(T, "x"), {("dead_letter", "_id_")}),
    ("vehicles", lambda s: s.vehicles(T), VEHICLES | {("vehicle", "by_id"), ("trip", "by_vehicle")}),
    ("the earliest position", lambda s: s.earliest_position(T), {("vehicle", "by_id"), ("position", "_id_")}),
    ("who reported", lambda s: s.reported_between(T, NOON, at(9)), {("vehicle", "by_id"), ("position", "_id_")}),
    (
        "positions of no trip",
        lambda s: s.loose_positions(T, "v1", NOON, at(9)),
        {("position", "_id_"), ("trip", "by_vehicle")},
    ),
    (
        "vehicles near a place",
        lambda s: s.vehicles_near(T, -34.9, -56.1, 9000, 9),
        VEHICLES | {("vehicle", "by_place"), ("trip", "by_vehicle")},
    ),
    (
        "a plan",
        lambda s: s.plan_trip(T, trip("t2", "v2"), "key"),
        {("trip", "_id_"), ("trip", "by_key"), ("trip", "open")},
    ),
]


class TestIndexes:
    @pytest.mark.parametrize(("ask", "used"), [each[1:] for each in ASKED], ids=[each[0] for each in ASKED])
    async def test_each_query_uses_its_index(
        self, mongo_url: str, database: Any, ask: Callable[[Store], Awaitable[object]], used: set[tuple[str, str]]
    ) -> None:
        store = open_store(mongo_url)
        await store.add_route(T, ROUTE)
        await store.apply_trip_events(T, [started(), progressed(10, 50)])
        for vehicle in ("v1", "v2", "v3"):
            await store.append_positions(T, [position(second, vehicle) for second in range(3)])
        QUERIES.sent.clear()
        QUERIES.listens = True
        await ask(store)
        QUERIES.listens = False
        await store.close()
        explained = [each for _, command in QUERIES.sent for each in plans_of(database, command)]
        assert {(collection, index) for collection, plan in explained for index in values(plan, "indexName")} == used
        assert not [plan for _, plan in explained if "COLLSCAN" in values(plan, "stage")]
        assert [plan for _, plan in explained if not values(plan, "indexName")] == []

    async def test_each_range_of_a_fleet_is_looked_at(self, mongo_url: str, database: Any) -> None:
        store = open_store(mongo_url)
        await store.append_positions(T, [position(1, f"v{number}") for number in range(7)])
        QUERIES.sent.clear()
        QUERIES.listens = True
        await store.vehicles(T)
        QUERIES.listens = False
        await store.close()
        (ranges,) = [command for collection, command in QUERIES.sent if collection == "position"]
        plans = [plan for _, plan in plans_of(database, ranges)]
        assert [values(plan, "indexName") for plan in plans] == [{"_id_"}] * 7
        asked = [ranges["pipeline"][:4], *(stage["$unionWith"]["pipeline"] for stage in ranges["pipeline"][4:])]
        for match, *ordered, number in asked:
            assert match["$match"].keys() == {"_id"}
            assert match["$match"]["_id"].keys() == {"$gte", "$lte"}
            assert ordered == [{"$sort": {"_id": -1}}, {"$limit": 1}], "one seek each"
            assert number.keys() == {"$set"}


def plans_of(database: Any, command: Document) -> list[tuple[str, Document]]:
    """(collection, plan) of a query, and of each that is joined to it, which a server explains with the first one or
    not at all. A hint does not reach those that are joined, and SecantusDB takes ids for a range only when told to."""
    collection = command.get("find") or command["aggregate"]
    stages = command.get("pipeline", [])
    joined = [stage["$unionWith"] for stage in stages if "$unionWith" in stage]
    if joined:
        command = {**command, "pipeline": [stage for stage in stages if "$unionWith" not in stage]}
    answer = database.command("explain", command)
    planned = answer.get("queryPlanner") or answer["stages"]
    assert planned
    others = [{"aggregate": each["coll"], "pipeline": each["pipeline"], "cursor": {}} for each in joined]
    hinted = [{**other, "hint": command["hint"]} for other in others]
    return [(collection, {"plan": planned}), *(plan for other in hinted for plan in plans_of(database, other))]


def values(plan: object, name: str) -> set[str]:
    """All that are called so, of the plan that won."""
    if isinstance(plan, dict):
        own = {str(plan[name])} if name in plan else set()
        return own.union(*(values(each, name) for key, each in plan.items() if key != "rejectedPlans"))
    if isinstance(plan, list):
        return set().union(*(values(each, name) for each in plan))
    return set()


class TestMigrations:
    def test_processes_that_start_at_once_make_one_schema(self, mongo_url: str, database: Any) -> None:
        program = (
            "import asyncio, sys; from trackway.storage import open_store\n"
            "async def main():\n"
            f"    store = open_store({mongo_url!r})\n"
            "    print(await store.routes('acme')); await store.close()\n"
            "sys.stdin.readline(); asyncio.run(main())"
        )
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program]
        started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outcomes = [(*process.communicate(timeout=60), process.returncode) for process in started]
        assert outcomes == [("[]\n", "", 0)] * 4
        assert database["schema"].find_one() == {"_id": "schema", "version": len(STEPS)}
        assert "by_key" in database["trip"].index_information()

    async def test_a_step_that_was_cut_off_is_done_again(self, mongo_url: str, database: Any) -> None:
        database["trip"].create_index([("tenant", 1), ("order", 1)], name="by_age")  # and then its process died
        store = open_store(mongo_url)
        assert await store.trips(T) == []
        await store.close()
        assert {"by_age", "by_hold"} <= set(database["trip"].index_information())

    async def test_vehicles_of_a_database_from_before_places_get_theirs(self, mongo_url: str, database: Any) -> None:
        store = open_store(mongo_url)
        await store.append_positions(T, [position(1), position(2), position(1, "v2")])
        await store.close()
        database["vehicle"].update_many({}, {"$unset": {"place": True, "place_us": True}})
        database["vehicle"].insert_one({"_id": f"{T}/expired", "tenant": T, "vehicle_id": "expired"})
        database["vehicle"].drop_index("by_place")
        database["schema"].update_one({}, {"$set": {"version": 1}})
        store = open_store(mongo_url)
        found = await store.vehicles_near(T, position(2).position.lat, position(2).position.lng, 1, 9)
        await store.close()
        assert [each.vehicle.vehicle_id for each in found] == ["v1"]
        assert database["vehicle"].index_information()["by_place"]["key"] == [("tenant", 1), ("place", "2dsphere")]

    async def test_a_database_of_a_newer_trackway_is_left_alone(self, mongo_url: str, database: Any) -> None:
        database["schema"].insert_one({"_id": "schema", "version": len(STEPS) + 1})
        store = open_store(mongo_url)
        with pytest.raises(SchemaTooNew, match="update Trackway"):
            await store.routes(T)
        await store.close()
        assert database.list_collection_names() == ["schema"]


class TestExpiry:
    async def test_it_is_as_the_address_says_each_time(self, mongo_url: str, database: Any) -> None:
        async def expiry(option: str) -> object:
            store = open_store(f"{mongo_url}{option}")
            await store.append_positions(T, [position(1)])
            await store.close()
            return database["position"].index_information().get("expiry")

        assert await expiry("") is None
        made = await expiry("?positionsExpireAfterDays=30")
        assert isinstance(made, dict)
        assert (made["key"], made["expireAfterSeconds"]) == ([("at", 1)], 30 * 86400)
        changed = await expiry("?positionsExpireAfterDays=0.5")
        assert isinstance(changed, dict)
        assert changed["expireAfterSeconds"] == 43200
        assert await expiry("") is None

    async def test_what_expires_goes_by_the_time_when_it_was_recorded(self, mongo_url: str, database: Any) -> None:
        store = open_store(mongo_url)
        await store.append_positions(T, [position(1)])
        await store.close()
        recorded = at(1).replace(microsecond=at(1).microsecond // 1000 * 1000, tzinfo=None)
        assert database["position"].find_one()["at"] == recorded, "a date, as an expiring index wants it"


class TestTrouble:
    async def test_a_server_that_is_away_is_named_without_its_password(self) -> None:
        store = open_store("mongodb://someone:secret@127.0.0.1:9/fleet?serverSelectionTimeoutMS=50")
        with pytest.raises(StoreUnavailable, match=r"mongodb://127\.0\.0\.1:9/fleet cannot be reached") as away:
            await store.append_positions(T, [position(1)])
        assert "secret" not in str(away.value)
        await store.close()

    # pymongo leaves the socket of a connection that it gives up half made to the garbage collector.
    @pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning")
    async def test_a_killed_server_loses_nothing_and_is_found_again(self, tmp_path: Path) -> None:
        server = Server(tmp_path)
        server.start()
        store = open_store(f"{server.url}/fleet?serverSelectionTimeoutMS=200")
        try:
            await store.apply_trip_events(T, [started()])
            assert await store.append_positions(T, [position(1), position(2)]) == 2
            server.kill()
            with pytest.raises(StoreUnavailable):
                await store.append_positions(T, [position(2), position(3)])
            with pytest.raises(StoreUnavailable):
                await store.trip(T, "t1")
            server.start()
            while True:
                try:
                    assert await store.append_positions(T, [position(2), position(3)]) == 1
                except StoreUnavailable:  # it takes a moment until the driver believes it
                    continue
                break
            assert [each.recorded_at for each in await store.positions(T, "t1")] == [at(1), at(2), at(3)]
        finally:
            await store.close()
            server.stop()
            gc.collect()

    async def test_a_process_that_is_killed_after_an_answer_has_written(self, mongo_url: str) -> None:
        program = (
            "import asyncio, os, signal; from trackway.storage import open_store\n"
            "from tests.contract.store.facts import position\n"
            "async def main():\n"
            f"    store = open_store({mongo_url!r})\n"
            "    await store.append_positions('acme', [position(1), position(3), position(2, 'v2')])\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "asyncio.run(main())"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == -9
        store = open_store(mongo_url)
        assert [each.position.recorded_at for each in await store.vehicles(T)] == [at(3), at(2)]
        assert await store.append_positions(T, [position(1), position(3), position(2), position(2, "v2")]) == 1
        await store.close()

    async def test_facts_of_one_trip_from_many_at_once_all_count(self, two: tuple[Store, Store]) -> None:
        """Compare-and-set tries again: the last word is that of the facts, whoever wrote first."""
        for number in range(10):
            one, other = two
            start, end = started(f"t{number}", f"v{number}"), progressed(10, 50)
            ended = [each.apply_trip_events(T, [start, end]) for each in (one, other)]
            await asyncio.gather(*ended)
            view = await one.trip(T, f"t{number}")
            assert view is not None
            assert view.trip.status is TripStatus.UNDERWAY


FULL = {"code": 14031, "errmsg": "no space", "index": 0}
TWICE = {"code": 11000, "errmsg": "duplicate", "index": 0}


class TestWhatMayPass:
    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (OperationFailure("no", 18), "refuses us"),
            (OperationFailure("no space", 14031), "disk is full"),
            (WTimeoutError("waiting for replication timed out", 64), "too few members"),
            (WriteConcernError("not enough data-bearing nodes", 100), "too few members"),
            (BulkWriteError({"writeErrors": [TWICE, FULL], "writeConcernErrors": []}), "disk is full"),
            (BulkWriteError({"writeErrors": [TWICE], "writeConcernErrors": [{"code": 64}]}), "too few members"),
            (NotPrimaryError("not primary"), "cannot be reached"),
            (WaitQueueTimeoutError("no free connection"), "cannot be reached"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_it_is_said_so_that_the_broker_comes_again(self, error: PyMongoError, said: str) -> None:
        with pytest.raises(StoreUnavailable, match=said), explained("mongodb://h/x"):
            raise error

    @pytest.mark.parametrize(
        "error", [OperationFailure("bad query", 2), BulkWriteError({"writeErrors": [TWICE], "writeConcernErrors": []})]
    )
    def test_a_bug_stays_one(self, error: PyMongoError) -> None:
        with pytest.raises(type(error)), explained("mongodb://h/x"):
            raise error


class TestAddress:
    def test_its_parts(self) -> None:
        address = Address.parse("mongodb://me:pass@h1:1,h2:2/fleet?replicaSet=rs&positionsExpireAfterDays=7&w=1")
        assert address.url == "mongodb://me:pass@h1:1,h2:2/fleet?replicaSet=rs&w=1"
        assert (address.database, address.where) == ("fleet", "mongodb://h1:1,h2:2/fleet")
        assert address.keep_positions == timedelta(days=7)

    def test_the_database_has_a_name_of_its_own_where_none_is_given(self) -> None:
        assert Address.parse("mongodb://h").database == "trackway"
        assert Address.parse("mongodb+srv://cluster.example.org").where == "mongodb+srv://cluster.example.org/trackway"

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("mongodb://", "cannot be used"),
            ("mongodb://me:secret@h:port/x", "cannot be used"),
            ("mongodb://me:secret@h/x?retryWrites=perhaps", "cannot be used"),
            ("mongodb://h/x?positionsExpireAfterDays=soon", "positionsExpireAfterDays"),
            ("mongodb://h/x?positionsExpireAfterDays=-1", "positionsExpireAfterDays"),
            ("mongodb://h/x?positionsExpireAfterDays=inf", "positionsExpireAfterDays"),
        ],
    )
    def test_one_that_cannot_be_meant_is_refused_in_words(self, url: str, said: str) -> None:
        with pytest.raises(ValueError, match=said) as refused:
            open_store(url)
        assert "secret" not in str(refused.value)

    async def test_what_the_address_says_counts_more_than_our_defaults(self) -> None:
        async def options(url: str) -> tuple[object, object, object]:
            client: AsyncMongoClient[Document] = connect(Address.parse(url))
            found = client.options
            await client.close()
            concern = client.write_concern.document
            return concern.get("w"), concern.get("j"), found.pool_options.max_pool_size

        assert await options("mongodb://h/x") == ("majority", True, 20)
        assert await options("mongodb://h/x?w=1&journal=false&maxPoolSize=3") == (1, False, 3)


async def test_forgetting_leaves_a_place_alone_that_is_of_a_position_to_come(mongo_url: str, database: Any) -> None:
    """Kafka Connect may store it later than persist has told of it."""
    store = open_store(mongo_url)
    coming, there = seen(100, "v1", north(9000)), seen(15, "v1", north(0), "t1")
    await store.apply_trip_events(T, [started(when=10), finished(when=20)])
    await store.append_positions(T, [there])
    await store.know_vehicles(T, [coming.position])
    assert await store.forget_trip(T, await history_of(store))
    own_id = position_id(vehicle_key(T, "v1"), micros(coming.position.recorded_at), event_hash(coming))
    database["position"].insert_one(document_of(own_id, T, coming.position))
    assert await near(store, 9001) == ["v1"]
    await store.close()
