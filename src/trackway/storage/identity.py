"""What makes two positions the same one, as all stores that keep them on disk reckon it, so that a copy keeps it."""

from hashlib import blake2b

from trackway.storage.port import StoredPosition


def event_hash(stored: StoredPosition) -> int:
    """64 bits, signed, of the event's (source, id). With vehicle and ``recorded_at`` it tells positions apart."""
    digest = blake2b(f"{stored.source}\n{stored.event_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
