"""Which records changed since an offset: the index that lets a client get the newest of each, and nothing twice."""

from collections.abc import Iterator


class Changes:
    """Ids in the order of their last change. A change of an id replaces the one before, so nothing grows with time."""

    def __init__(self) -> None:
        self._offsets: dict[str, int] = {}

    def mark(self, id: str, offset: int) -> None:
        """Note that ``id`` changed at ``offset``, which is not less than any before."""
        self._offsets.pop(id, None)
        self._offsets[id] = offset

    def forget(self, id: str) -> None:
        """Drop an id that is no longer there."""
        self._offsets.pop(id, None)

    def since(self, offset: int) -> Iterator[str]:
        """The ids that changed after ``offset``, newest first, in time proportional to how many these are."""
        for each, changed in reversed(self._offsets.items()):
            if changed <= offset:
                return
            yield each

    def trim(self, keep: int) -> int:
        """Drop the oldest until ``keep`` are left; gives the offset of the newest that was dropped, or -1."""
        dropped = -1
        while len(self._offsets) > keep:
            oldest = next(iter(self._offsets))
            dropped = self._offsets.pop(oldest)
        return dropped
