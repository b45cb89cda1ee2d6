"""Events lie where Kafka's own Java client would put them, so that other programs find a key's events in order."""

import pytest

from knative_local.cloudevent import from_parts
from knative_local.log.kafka_partitions import murmur2, partitions_of


@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_of_a_key_is_that_of_java(key: bytes, java: int) -> None:
    """From Kafka's own tests: UtilsTest.testMurmur2; made positive as its partitioner does."""
    assert murmur2(key) == java & 0x7FFFFFFF


def test_a_key_has_its_partition_and_those_without_go_together() -> None:
    def event(**attributes: str) -> dict[str, str]:
        return {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **attributes}

    keys = ["foobar", None, "21", "foobar", None, "21"]
    events = [from_parts(event(partitionkey=key) if key else event(), b"") for key in keys]
    places = partitions_of(events, 10)

    assert [places[number] for number in (0, 3)] == [murmur2(b"foobar") % 10] * 2
    assert [places[number] for number in (2, 5)] == [murmur2(b"21") % 10] * 2
    assert places[1] == places[4]
    assert 0 <= places[1] < 10
