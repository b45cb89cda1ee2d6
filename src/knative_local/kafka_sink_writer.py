"""What KafkaSinks write to one Kafka cluster: the only part of them that loads confluent-kafka."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,  # pyright: ignore[reportPrivateImportUsage] - documented to be here
)

from knative_local.cloudevent import CloudEvent
from knative_local.log.kafka_records import to_record, to_structured_record
from knative_local.log.kafka_writing import Append, SingleWriter
from knative_local.model import KafkaSink

_ANSWER_S = 10.0

logger = logging.getLogger(__name__)


class KafkaSinkWriter:
    """Writes for one event loop, as many events at once as there are."""

    def __init__(self, servers: str, now_ms: Callable[[], int]) -> None:
        self._settings: dict[str, Any] = {"bootstrap.servers": servers, "logger": logger, "log_level": 3}
        self._loop = asyncio.get_running_loop()
        self._answers: deque[Append] = deque()
        self._telling = False
        self._closed = False
        self._made: set[str] = set()
        self._writer = SingleWriter(self._settings, self._answered, now_ms)

    async def write(self, sink: KafkaSink, events: Sequence[CloudEvent]) -> str | None:
        """Why not all of them are written, or None."""
        if sink.partitions is not None and sink.replicas is not None and sink.topic not in self._made:
            refusal = await asyncio.to_thread(self._make, sink.topic, sink.partitions, sink.replicas)
            if refusal is not None:
                return refusal
            self._made.add(sink.topic)
        appends = [Append(sink.key, sink.topic, (event,)) for event in events]
        for append in appends:
            self._writer.write(append, to_structured_record if sink.structured else to_record)
        for append in appends:
            await append.durable
        return next((append.refused for append in appends if append.refused is not None), None)

    def close(self, seconds: float) -> None:
        """Give what is on its way so many seconds."""
        self._writer.close(seconds)
        self._closed = True

    def _make(self, topic: str, partitions: int, replicas: int) -> str | None:
        # Its annotations leave out what the futures hold.
        admin: Any = AdminClient(self._settings)
        try:
            admin.create_topics([NewTopic(topic, partitions, replicas)])[topic].result(_ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                return str(error.args[0].str())
        except TimeoutError:
            return "the topic is not there, and cannot be made: no answer in time"
        return None

    def _answered(self, append: Append) -> None:
        """From whichever thread."""
        self._answers.append(append)
        if not self._telling and not self._closed:
            self._telling = True
            self._loop.call_soon_threadsafe(self._acknowledge)

    def _acknowledge(self) -> None:
        self._telling = False
        while self._answers:
            self._answers.popleft().durable.set_result(None)
