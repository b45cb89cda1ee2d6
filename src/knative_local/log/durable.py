"""The promise that an append is durable, which all who appended in one turn of the loop share."""

from __future__ import annotations

import asyncio


class Durable(asyncio.Future[None]):
    """Who appended in one turn waits for the same commit, and must not end the others' waiting when giving up."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - the signature of Future
        """Does nothing."""
        return False


def done() -> asyncio.Future[None]:
    """A promise that is kept already."""
    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    kept.set_result(None)
    return kept
