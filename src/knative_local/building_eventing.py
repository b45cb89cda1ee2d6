"""From documents that were checked to the model's records: the kinds of Knative Eventing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace

from knative_local.broker_classes import BROKER_CLASSES, CLASS_ANNOTATION, IN_MEMORY_CHANNEL, KAFKA, BrokerClass
from knative_local.building import Tree, annotations_of, container_of, name_of, part, parts, spec_of
from knative_local.durations import go_duration, iso_duration
from knative_local.fields import BATCH, LINGER, ORDER
from knative_local.filters import EVERYTHING, All, Attributes, Exact, Filter, Not, Prefix, Suffix
from knative_local.filters import Any as AnyOf
from knative_local.filters.cesql import CesqlFilter
from knative_local.label_selectors import Requirement, Selector
from knative_local.model import (
    Broker,
    Channel,
    Delivery,
    Deployment,
    Destination,
    Flow,
    JobSink,
    KafkaSink,
    PingSource,
    Ref,
    SinkBinding,
    Trigger,
)
from knative_local.source import Source
from knative_local.yaml_tree import Mapping, text_at

MESSAGING = "messaging.knative.dev/v1"
# What Knative's own defaults (config-br-defaults) give to a Broker without `delivery`.
DEFAULT_DELIVERY = Delivery(retry=10, backoff_policy="exponential", backoff_delay=0.2)


def broker(document: Mapping) -> Iterator[Broker]:
    """A Broker."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    delivery = delivery_of(tree["delivery"], namespace) if "delivery" in tree else DEFAULT_DELIVERY
    class_name = annotations_of(document).get(CLASS_ANNOTATION, KAFKA.name)
    yield Broker(namespace, name, delivery, document.source, BROKER_CLASSES[class_name])


def broker_of_trigger(document: Mapping) -> tuple[str, str]:
    """Namespace and name of the Broker that a Trigger names, by `broker` or by `brokerRef`."""
    namespace, _ = name_of(document)
    ref = part(spec_of(document), "brokerRef")
    return ref.get("namespace") or namespace, ref.get("name") or spec_of(document)["broker"]


def trigger(document: Mapping, of: Broker) -> Trigger:
    """A Trigger of a Broker; its own delivery takes the place of its Broker's."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    annotations = annotations_of(document)
    return Trigger(
        namespace=namespace,
        name=name,
        broker=of.name,
        subscriber=destination(tree["subscriber"], namespace),
        delivery=_delivery(tree.get("delivery"), of.delivery, of.broker_class, namespace),
        source=document.source,
        filter=_filter_of_trigger(tree, of.broker_class),
        annotations=annotations,
        batch=int(annotations[BATCH]) if BATCH in annotations else None,
        linger=go_duration(annotations.get(LINGER, "0")) or 0.0,
        broker_class=of.broker_class,
        broker_namespace=of.namespace,
        ordered=of.broker_class.orders and annotations.get(ORDER) == "ordered",
    )


def delivery_of(tree: Tree, namespace: str) -> Delivery:
    """A delivery block; no `retry` is one attempt, as in Knative."""
    default = Delivery()
    sink = tree.get("deadLetterSink")
    return Delivery(
        retry=tree.get("retry", default.retry),
        backoff_policy=tree.get("backoffPolicy", default.backoff_policy),
        backoff_delay=_seconds(tree.get("backoffDelay"), default.backoff_delay),
        timeout=_seconds(tree.get("timeout"), default.timeout),
        dead_letter_sink=destination(sink, namespace) if sink else None,
        retry_after_max=iso_duration(tree["retryAfterMax"]) if "retryAfterMax" in tree else None,
        format=tree.get("format", default.format),
    )


def destination(tree: Tree, namespace: str) -> Destination:
    """A destination; a ref without a namespace means that of the object it stands in."""
    ref = tree.get("ref")
    if ref is None:
        return Destination(uri=tree.get("uri"))
    inside = ref.get("namespace") or namespace
    api_version = ref.get("apiVersion") or f"{ref['group']}/v1"
    return Destination(Ref(ref["kind"], inside, ref["name"], api_version), tree.get("uri"))


def filter_of(tree: Tree) -> Filter:
    """One entry of `filters`."""
    ((dialect, content),) = tree.items()
    if dialect in ("all", "any"):
        inside = tuple(filter_of(entry) for entry in content)
        return All(inside) if dialect == "all" else AnyOf(inside)
    if dialect == "not":
        return Not(filter_of(content))
    if dialect == "cesql" and content:
        return CesqlFilter(content)
    # The brokers pass over an empty value, and so over an empty map or expression.
    wanted = tuple((name, value) for name, value in content.items() if value) if content else ()
    if not wanted:
        return EVERYTHING
    return {"exact": Exact, "prefix": Prefix, "suffix": Suffix}[dialect](wanted)


def channel(document: Mapping) -> Iterator[Channel]:
    """A Channel or an InMemoryChannel; a Channel's own `delivery` stands before its template's."""
    namespace, name = name_of(document)
    kind = "Channel" if text_at(document, "kind") == "Channel" else "InMemoryChannel"
    delivery = _delivery_of_channels(spec_of(document), namespace)
    yield Channel(kind, namespace, name, delivery, document.source)


def channel_of_subscription(document: Mapping) -> tuple[str, str, str]:
    """Kind, namespace and name of the channel that a Subscription names."""
    namespace, _ = name_of(document)
    ref = spec_of(document)["channel"]
    return ref["kind"], ref.get("namespace") or namespace, ref["name"]


def subscription(document: Mapping, of: Channel) -> Trigger:
    """A Subscription to a channel; its own delivery takes the place of its channel's."""
    namespace, name = name_of(document)
    return _subscription(spec_of(document), of, namespace, name, document.source)


def sequence(document: Mapping) -> Iterator[Channel | Trigger | Flow]:
    """A Sequence as Knative's controller makes it: a channel before each step, which replies to the next channel."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    channels = [
        _channel_of_flow(tree, namespace, f"{name}-kn-sequence-{number}", document.source)
        for number in range(len(tree["steps"]))
    ]
    yield Flow("Sequence", namespace, name, channels[0].key, document.source)
    yield from channels
    replies = [*map(_to_channel, channels[1:]), tree.get("reply")]
    for channel, step, reply in zip(channels, tree["steps"], replies, strict=True):
        parts_of_it = {"subscriber": step, "delivery": step.get("delivery"), "reply": reply}
        yield _subscription(parts_of_it, channel, namespace, channel.name, document.source)


def parallel(document: Mapping) -> Iterator[Channel | Trigger | Flow]:
    """A Parallel as Knative's controller makes it: a channel for all, and one for each branch behind its filter."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    entry = _channel_of_flow(tree, namespace, f"{name}-kn-parallel", document.source)
    yield Flow("Parallel", namespace, name, entry.key, document.source)
    yield entry
    for number, branch in enumerate(tree["branches"]):
        channel = _channel_of_flow(tree, namespace, f"{name}-kn-parallel-{number}", document.source)
        yield channel
        inside = _to_channel(channel)
        passing = {"subscriber": branch["filter"], "reply": inside} if "filter" in branch else {"subscriber": inside}
        yield _subscription(passing, entry, namespace, f"{name}-kn-parallel-filter-{number}", document.source)
        serving = {**branch, "reply": branch.get("reply") or tree.get("reply")}
        yield _subscription(serving, channel, namespace, channel.name, document.source)


def sink_binding(document: Mapping) -> Iterator[SinkBinding]:
    """A SinkBinding."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    subject = tree["subject"]
    yield SinkBinding(
        namespace=namespace,
        name=name,
        subject_kind=subject["kind"],
        subject_name=subject.get("name"),
        sink=destination(tree["sink"], namespace),
        source=document.source,
        subject_namespace=subject.get("namespace") or namespace,
        selector=_selector(part(subject, "selector")),
        overrides=_overrides(tree),
    )


def ping_source(document: Mapping) -> Iterator[PingSource]:
    """A PingSource."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    encoded, text = tree.get("dataBase64"), tree.get("data")
    yield PingSource(
        namespace=namespace,
        name=name,
        schedule=tree.get("schedule") or "* * * * *",
        timezone=tree.get("timezone", ""),
        content_type=tree.get("contentType", ""),
        data=base64.b64decode(encoded) if encoded else text.encode() if text else None,
        sink=destination(tree["sink"], namespace),
        source=document.source,
        overrides=_overrides(tree) or {},
    )


def container_source(document: Mapping) -> Iterator[Deployment | SinkBinding]:
    """A ContainerSource as Knative's controller makes it: a Deployment, and a SinkBinding for it."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    labels = part(part(tree["template"], "metadata"), "labels")
    process = container_of(tree["template"]["spec"]["containers"][0], namespace)
    made = Deployment(namespace, f"{name}-deployment", process, document.source, labels, own_labels=labels)
    yield made
    yield SinkBinding(
        namespace=namespace,
        name=f"{name}-sinkbinding",
        subject_kind="Deployment",
        subject_name=made.name,
        sink=destination(tree["sink"], namespace),
        source=document.source,
        subject_namespace=namespace,
        overrides=_overrides(tree),
    )


def job_sink(document: Mapping) -> Iterator[JobSink]:
    """A JobSink."""
    namespace, name = name_of(document)
    job = spec_of(document)["job"]["spec"]
    yield JobSink(
        namespace=namespace,
        name=name,
        container=container_of(job["template"]["spec"]["containers"][0], namespace),
        source=document.source,
        backoff_limit=job.get("backoffLimit", 6),
        deadline_s=job.get("activeDeadlineSeconds"),
        keep_s=job.get("ttlSecondsAfterFinished"),
    )


def kafka_sink(document: Mapping) -> Iterator[KafkaSink]:
    """A KafkaSink."""
    namespace, name = name_of(document)
    tree = spec_of(document)
    yield KafkaSink(
        namespace=namespace,
        name=name,
        servers=",".join(tree["bootstrapServers"]),
        topic=tree["topic"],
        source=document.source,
        structured=tree.get("contentMode", "structured") == "structured",
        partitions=tree.get("numPartitions"),
        replicas=tree.get("replicationFactor"),
    )


BUILDERS: dict[tuple[str, str], Callable[[Mapping], Iterator[object]]] = {
    ("eventing.knative.dev", "Broker"): broker,
    ("messaging.knative.dev", "Channel"): channel,
    ("messaging.knative.dev", "InMemoryChannel"): channel,
    ("flows.knative.dev", "Sequence"): sequence,
    ("flows.knative.dev", "Parallel"): parallel,
    ("sources.knative.dev", "SinkBinding"): sink_binding,
    ("sources.knative.dev", "PingSource"): ping_source,
    ("sources.knative.dev", "ContainerSource"): container_source,
    ("sinks.knative.dev", "JobSink"): job_sink,
    ("eventing.knative.dev", "KafkaSink"): kafka_sink,
}
"""By group and kind; Triggers and Subscriptions are built last, as they need their Brokers and channels."""


def _delivery(own: Tree | None, above: Delivery, its_class: BrokerClass, namespace: str) -> Delivery:
    """What holds for a Trigger or Subscription whose Broker or channel says `above`."""
    if own is None:
        return above
    delivery = delivery_of(own, namespace)
    if its_class.lends_sink and delivery.dead_letter_sink is None:
        return replace(delivery, dead_letter_sink=above.dead_letter_sink)
    return delivery


def _delivery_of_channels(tree: Tree, namespace: str) -> Delivery:
    """What channels made by `tree` give to Subscriptions that say nothing."""
    said = part(tree, "delivery") or part(part(part(tree, "channelTemplate"), "spec"), "delivery")
    return delivery_of(said, namespace)


def _channel_of_flow(tree: Tree, namespace: str, name: str, source: Source) -> Channel:
    return Channel("InMemoryChannel", namespace, name, _delivery_of_channels(tree, namespace), source)


def _to_channel(channel: Channel) -> Tree:
    ref = {"apiVersion": MESSAGING, "kind": channel.kind, "namespace": channel.namespace, "name": channel.name}
    return {"ref": ref}


def _subscription(tree: Tree, of: Channel, namespace: str, name: str, source: Source) -> Trigger:
    """Without a subscriber the events go to `reply` as they are."""
    subscriber, reply = part(tree, "subscriber"), part(tree, "reply")
    return Trigger(
        namespace=namespace,
        name=name,
        broker=of.name,
        subscriber=destination(subscriber or reply, namespace),
        delivery=_delivery(tree.get("delivery"), of.delivery, IN_MEMORY_CHANNEL, namespace),
        source=source,
        broker_class=IN_MEMORY_CHANNEL,
        channel=of.key,
        reply=destination(reply, namespace) if subscriber and reply else None,
    )


def _selector(tree: Tree) -> Selector:
    return Selector(
        part(tree, "matchLabels"),
        tuple(
            Requirement(each["key"], each["operator"], tuple(each.get("values") or ()))
            for each in parts(tree, "matchExpressions")
        ),
    )


def _overrides(tree: Tree) -> dict[str, str] | None:
    return part(tree["ceOverrides"], "extensions") if tree.get("ceOverrides") is not None else None


def _seconds(text: str | None, default: float) -> float:
    seconds = iso_duration(text) if text is not None else None
    return default if seconds is None else seconds


def _filter_of_trigger(tree: Tree, broker_class: BrokerClass) -> Filter:
    # `filters`, when there, takes the place of `filter` whole.
    if tree.get("filters"):
        inside = tuple(filter_of(entry) for entry in tree["filters"])
        return inside[0] if len(inside) == 1 else All(inside)
    attributes = part(part(tree, "filter"), "attributes")
    wanted = tuple((name, value) for name, value in attributes.items() if value)
    empty = tuple(name for name, value in attributes.items() if not value)
    present = empty if broker_class.empty_is_present else ()
    return Attributes(wanted, present) if wanted or present else EVERYTHING
