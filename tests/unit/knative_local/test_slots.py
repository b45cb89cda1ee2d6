"""The bound on deliveries at once."""

import asyncio

from knative_local.slots import Slots


async def test_who_waits_goes_before_who_is_new() -> None:
    freed: list[int] = []
    slots = Slots(1, lambda: freed.append(slots.taken))
    assert slots.try_take()
    first, second = asyncio.create_task(slots.take()), asyncio.create_task(slots.take())
    await asyncio.sleep(0)

    slots.give_back()

    await first
    assert not second.done()
    assert not slots.try_take()
    assert freed == []
    slots.give_back()
    await second
    slots.give_back()
    assert freed == [0]
    assert slots.try_take()


async def test_who_gives_up_in_line_takes_no_slot_away() -> None:
    slots = Slots(1, lambda: None)
    assert slots.try_take()
    gives_up, goes_when_called = asyncio.create_task(slots.take()), asyncio.create_task(slots.take())
    await asyncio.sleep(0)

    gives_up.cancel()
    await asyncio.sleep(0)
    slots.give_back()  # the slot is for the second one, who goes in the very moment that it gets it
    goes_when_called.cancel()
    await asyncio.gather(gives_up, goes_when_called, return_exceptions=True)

    assert slots.taken == 0
    assert slots.try_take()
