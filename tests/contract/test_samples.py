"""The golden samples: an event of each type in structured mode, shared by Python, TypeScript and Connect."""

import json
from pathlib import Path

import pytest

from trackway.events import FACTS, fact_of, from_structured, to_structured

SAMPLES = Path(__file__).parent / "samples"


def test_there_is_a_sample_of_each_type() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} == set(FACTS)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_sample_is_read_and_written_alike(path: Path) -> None:
    event = from_structured(path.read_bytes())
    assert event.type == path.stem
    assert type(fact_of(event)) is FACTS[event.type]
    assert json.loads(to_structured(event)) == json.loads(path.read_bytes())
    assert event.partitionkey, "every event names its vehicle, shard or route as its partition key"
