"""Which revision of a Service takes a request: `spec.traffic`, by percent."""

from __future__ import annotations

from collections.abc import Sequence

from knative_local.backend import UNLIMITED, Backend, Lease, Timeouts


class Split:
    """A Service with several revisions, as one backend. Who is next is not drawn but counted, so that after any hundred
    requests each revision has had its share."""

    def __init__(self, name: str, shares: Sequence[tuple[int, Backend]]) -> None:
        """`shares`: percent and who takes them; they add up to 100."""
        self._name = name
        self._shares = [(percent, backend) for percent, backend in shares if percent]
        self._credit = [0] * len(self._shares)

    @property
    def name(self) -> str:
        """Kind and name."""
        return self._name

    @property
    def timeouts(self) -> Timeouts:
        """None of its own: `pick` comes first, and they are the revision's."""
        return UNLIMITED

    def pick(self) -> Backend:
        """The revision that takes the next request."""
        for index, (percent, _) in enumerate(self._shares):
            self._credit[index] += percent
        most = max(range(len(self._shares)), key=self._credit.__getitem__)
        self._credit[most] -= 100
        return self._shares[most][1]

    def try_acquire(self) -> Lease | None:
        """A place at the revision that is next, if it is free at this moment."""
        return self.pick().try_acquire()

    async def acquire(self, deadline: float) -> Lease:
        """Wait for a place at the revision that is next."""
        return await self.pick().acquire(deadline)
