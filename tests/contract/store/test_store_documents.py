"""What a store promises of routes, shards and dead letters."""

import pytest
from msgspec.structs import replace

from tests.contract.store.facts import NOON, ROUTE, T, at, position, trip
from trackway.domain.motion import shard_of
from trackway.events import Event
from trackway.storage.port import Conflict, DeadLetter, Shard, Store


class TestRoutes:
    async def test_a_route_comes_back_as_it_was(self, store: Store) -> None:
        await store.add_route(T, ROUTE)
        assert await store.route(T, "r1") == ROUTE
        assert await store.route(T, "r2") is None

    async def test_a_route_never_changes(self, store: Store) -> None:
        await store.add_route(T, ROUTE)
        await store.add_route(T, replace(ROUTE, name="Another"))
        assert await store.route(T, "r1") == ROUTE
        assert len(await store.routes(T)) == 1

    async def test_summaries_come_by_name(self, store: Store) -> None:
        await store.add_route(T, ROUTE)
        await store.add_route(T, replace(ROUTE, route_id="r0", name="Aguada → Buceo"))
        first, second = await store.routes(T)
        assert first.name == "Aguada → Buceo"
        assert (second.route_id, second.from_name, second.to_name) == ("r1", "Centro", None)
        assert (second.length, second.expected_duration, second.planned_at) == (9200.5, 736.1, NOON)
        assert second.bounds == (-34.91, -56.2, -34.9, -56.1)

    async def test_tenants_do_not_see_each_other(self, store: Store) -> None:
        await store.add_route(T, ROUTE)
        await store.plan_trip(T, trip())
        await store.append_positions(T, [position(1)])
        assert await store.route("other", "r1") is None
        assert await store.routes("other") == []
        assert await store.trip("other", "t1") is None
        assert await store.open_trips("other") == []
        assert await store.positions("other", "t1") == []
        assert await store.vehicles("other") == []
        assert await store.simulated_trips("other", shard_of("v1")) == []
        assert (await store.plan_trip("other", trip("t2"))).trip_id == "t2"


class TestShards:
    async def test_a_fresh_shard(self, store: Store) -> None:
        assert await store.shard(T, 3) == Shard(shard=3)

    async def test_an_update_holds(self, store: Store) -> None:
        wanted = Shard(shard=3, wanted=2, claim="me", claimed_until=at(5), driven_until=at(4))
        assert await store.update_shard(T, wanted) == replace(wanted, version=1)
        assert await store.shard(T, 3) == replace(wanted, version=1)
        assert await store.update_shard(T, Shard(shard=3, version=1)) == Shard(shard=3, version=2)

    async def test_who_comes_second_is_told(self, store: Store) -> None:
        seen = await store.shard(T, 3)
        await store.update_shard(T, replace(seen, claim="one"))
        with pytest.raises(Conflict, match="shard 3"):
            await store.update_shard(T, replace(seen, claim="other"))
        assert (await store.shard(T, 3)).claim == "one"


class TestDeadLetters:
    def letter(self, id: str, when: float = 0, **changes: object) -> DeadLetter:
        event = Event(
            id="e1", source="/x", type="strange", data=b"\xff{", datacontenttype="text/plain", extensions={"hop": "1"}
        )
        base = DeadLetter(letter_id=id, event=event, failed_at=at(when), destination="persist", code=400, reason="bad")
        return replace(base, **changes)

    async def test_a_letter_comes_back_as_it_was_whatever_its_event(self, store: Store) -> None:
        await store.add_dead_letters(T, [self.letter("a"), self.letter("b", code=None)])
        assert await store.dead_letter(T, "a") == self.letter("a")
        assert await store.dead_letter(T, "b") == self.letter("b", code=None)
        assert await store.dead_letter(T, "c") is None
        assert await store.dead_letter("other", "a") is None

    async def test_newest_first_with_the_total(self, store: Store) -> None:
        await store.add_dead_letters(T, [self.letter("a", 1), self.letter("b", 3), self.letter("c", 2)])
        letters, total = await store.dead_letters(T, limit=2)
        assert ([each.letter_id for each in letters], total) == (["b", "c"], 3)

    async def test_the_same_failure_again_replaces_the_letter(self, store: Store) -> None:
        await store.add_dead_letters(T, [self.letter("a", 1)])
        await store.add_dead_letters(T, [self.letter("a", 2, reason="worse")])
        assert await store.dead_letters(T) == ([self.letter("a", 2, reason="worse")], 1)

    async def test_drop(self, store: Store) -> None:
        await store.add_dead_letters(T, [self.letter("a")])
        assert await store.drop_dead_letter(T, "a") is True
        assert await store.drop_dead_letter(T, "a") is False
        assert await store.dead_letters(T) == ([], 0)
