"""The kinds of Knative 0.50: what its admission webhooks take, with the features that are on by default."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from lightkube.models import meta_v1
from msgspec import Struct, field

from trackway.deploy.kinds.core import at_most_one, exactly_one, needs
from trackway.deploy.shape import Rule, WholeRule
from trackway.deploy.tree import at, mapping
from trackway.deploy.values import (
    api_version,
    between,
    identifier,
    iso_period,
    label_value,
    matching,
    one_of,
    word,
    zone_name,
)
from trackway.deploy.values import attribute as attribute_name

Word = Annotated[str, word]
Period = Annotated[str, iso_period]


class Ref(Struct):
    """An object, by its name."""

    kind: Word
    name: Word
    apiVersion: Word
    namespace: str | None = None
    address: str | None = None


class Destination(Struct):
    """Where events go."""

    ref: Ref | None = None
    uri: str | None = None
    CACerts: str | None = None
    audience: str | None = None


class Delivery(Struct):
    """How often a delivery is tried, and what becomes of an event then."""

    deadLetterSink: Destination | None = None
    retry: Annotated[int, between(0, 2**31 - 1)] | None = None
    timeout: Period | None = None
    backoffPolicy: Annotated[str, one_of("linear", "exponential")] | None = None
    backoffDelay: Period | None = None
    format: Annotated[str, one_of("binary", "json")] | None = None


class Object(Struct, kw_only=True):
    """What every object has."""

    apiVersion: str
    kind: str
    metadata: meta_v1.ObjectMeta
    status: dict[str, Any] | None = None


class BrokerSpec(Struct):
    config: Ref | None = None
    delivery: Delivery | None = None


class Broker(Object):
    spec: BrokerSpec | None = None


def attributes(value: Mapping[Any, Any]) -> str | None:
    """Attributes of events, with the texts that they have to be."""
    for key, each in value.items():
        wrong = attribute_name(key)
        if wrong:
            return f"has a key that {wrong}"
        if not isinstance(each, str):
            return f"has no text for {key}; put it into quotes"
    return None


Attributes = Annotated[dict[Any, Any], attributes]


class Filter(Struct):
    exact: Attributes | None = None
    prefix: Attributes | None = None
    suffix: Attributes | None = None
    all: list[Filter] | None = None
    any: list[Filter] | None = None
    not_: Filter | None = field(name="not", default=None)
    cesql: str | None = None


class LegacyFilter(Struct):
    attributes: Attributes | None = None


class TriggerSpec(Struct):
    subscriber: Destination
    broker: Annotated[str, word, label_value] | None = None
    brokerRef: Ref | None = None
    filter: LegacyFilter | None = None
    filters: list[Filter] | None = None
    delivery: Delivery | None = None


class Trigger(Object, kw_only=True):
    spec: TriggerSpec


class Overrides(Struct):
    extensions: Attributes | None = None


class Subject(Struct):
    """Objects by name or by labels."""

    apiVersion: Annotated[str, api_version]
    kind: Annotated[str, identifier]
    namespace: str | None = None
    name: str | None = None
    selector: meta_v1.LabelSelector | None = None


class SinkBindingSpec(Struct):
    subject: Subject
    sink: Destination
    ceOverrides: Overrides | None = None


class SinkBinding(Object, kw_only=True):
    spec: SinkBindingSpec


class PingSourceSpec(Struct):
    sink: Destination
    schedule: str | None = None
    timezone: Annotated[str, zone_name] | None = None
    contentType: str | None = None
    data: str | None = None
    dataBase64: str | None = None
    ceOverrides: Overrides | None = None


class PingSource(Object, kw_only=True):
    spec: PingSourceSpec


class SecretRef(Struct):
    name: Word


class KafkaAuthSecret(Struct):
    ref: SecretRef


class KafkaAuth(Struct):
    secret: KafkaAuthSecret | None = None


class KafkaSinkSpec(Struct):
    topic: Word
    bootstrapServers: list[Word]
    numPartitions: Annotated[int, between(1, 2**31 - 1)] | None = None
    replicationFactor: Annotated[int, between(1, 2**15 - 1)] | None = None
    contentMode: Annotated[str, one_of("binary", "structured")] | None = None
    auth: KafkaAuth | None = None


class KafkaSink(Object, kw_only=True):
    spec: KafkaSinkSpec


class PolicyRef(Struct):
    apiVersion: Word
    kind: Word
    name: Word
    namespace: str | None = None


class PolicyTarget(Struct):
    apiVersion: Word
    kind: Word
    name: Word


class PolicySelector(meta_v1.LabelSelector, kw_only=True):
    apiVersion: str | None = None
    kind: str | None = None


class PolicyTo(Struct):
    ref: PolicyTarget | None = None
    selector: PolicySelector | None = None


class PolicyFrom(Struct):
    ref: PolicyRef | None = None
    sub: Annotated[str, matching(r"[^*]+\*?|\*", "a subject, with * at its end at most")] | None = None


class EventPolicySpec(Struct):
    to: list[PolicyTo] | None = None
    from_: list[PolicyFrom] | None = field(name="from", default=None)
    filters: list[Filter] | None = None


class EventPolicy(Object):
    spec: EventPolicySpec | None = None


def _destination(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    uri, ref = cast("str | None", value.get("uri")), value.get("ref")
    if uri is None and ref is None:
        yield "", "needs ref or uri"
    elif uri is not None:
        parts = urlsplit(uri)
        if ref is not None and parts.scheme:
            yield "uri", f"is {uri}; beside a ref it is a path at its address"
        if ref is None and not (parts.scheme and parts.netloc):
            yield "uri", f"is {uri}; without a ref it is a whole http:// address"


def _subject(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from exactly_one("name", "selector")(value)


def _trigger(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from exactly_one("broker", "brokerRef")(value)
    if at(value, "brokerRef", "namespace"):
        yield "brokerRef.namespace", "cannot be set: a Trigger's Broker is in its own namespace"


_DIALECTS = ("exact", "prefix", "suffix", "all", "any", "not", "cesql")


def _json(text: str) -> str | None:
    try:
        json.loads(text)
    except ValueError as error:
        return f"is no JSON, which contentType says it is: {error}"
    return None


def _ping(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from at_most_one("data", "dataBase64")(value)
    data = value.get("data")
    if value.get("dataBase64"):
        try:
            data = b64decode(value["dataBase64"], validate=True).decode()
        except ValueError as error:
            yield "dataBase64", f"is no base64: {error}"
    if data and value.get("contentType") == "application/json" and (wrong := _json(data)):
        yield "data" if "data" in value else "dataBase64", wrong


BROKER_CLASS = "eventing.knative.dev/broker.class"
CLASSES = ("MTChannelBasedBroker", "Kafka", "KafkaNamespaced")
ORDER = "kafka.eventing.knative.dev/delivery.order"
ANNOTATIONS: Mapping[str, Rule] = {BROKER_CLASS: one_of(*CLASSES), ORDER: one_of("ordered", "unordered")}


def _annotations(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, each in mapping(value, "metadata", "annotations").items():
        rule = ANNOTATIONS.get(key)
        if rule is not None and (wrong := rule(each)):
            yield f"metadata.annotations.{key}", wrong


WHOLES: Mapping[type[Struct], tuple[WholeRule, ...]] = {
    Destination: (_destination,),
    Filter: (at_most_one(*_DIALECTS),),
    Subject: (_subject,),
    Broker: (_annotations,),
    TriggerSpec: (_trigger,),
    Trigger: (_annotations,),
    PingSourceSpec: (_ping,),
    KafkaSinkSpec: (needs("bootstrapServers"),),
    PolicyFrom: (exactly_one("ref", "sub"),),
    PolicyTo: (exactly_one("ref", "selector"),),
}
