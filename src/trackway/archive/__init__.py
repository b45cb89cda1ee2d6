"""Days of trips in an S3 bucket: written once, read back whole, pruned from the store when they are old."""

from trackway.archive.archive import Archive, Day, Done, Part, run
from trackway.archive.bucket import ArchiveUnavailable, UnusableArchive, open_bucket

__all__ = [
    "Archive",
    "ArchiveUnavailable",
    "Day",
    "Done",
    "Part",
    "UnusableArchive",
    "open_bucket",
    "run",
]
