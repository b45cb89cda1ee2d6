"""Who is meant by a host name, a ref or a URI, and what is said about names that mean nobody."""

from __future__ import annotations

from typing import Any

import pytest

from knative_local.addresses import TcpAddress
from knative_local.broker_classes import CHANNEL
from knative_local.model import (
    Broker,
    Channel,
    Container,
    CoreService,
    Delivery,
    Deployment,
    Destination,
    Flow,
    JobSink,
    KafkaSink,
    KnService,
    Manifests,
    Ref,
    ServicePort,
    SinkBinding,
    Trigger,
)
from knative_local.names import GATEWAY, INGRESS, Names, Target, UnknownName
from knative_local.routing_model import HttpRoute, VirtualService
from knative_local.source import Source

HERE = Source("m.yaml", 7)
PLAN = KnService("shop", "plan", Container(("python",)), HERE)
WEB = Deployment("shop", "web", Container(("python",), port=8081, port_name="http"), HERE, {"app": "web"})


def core(name: str = "front", target: int | str | None = "http", selector: dict[str, str] | None = None) -> CoreService:
    return CoreService("shop", name, selector or {"app": "web"}, (ServicePort(80, "http", target),), HERE)


def manifests(**more: Any) -> Manifests:
    known: dict[str, Any] = {
        "brokers": (
            Broker("shop", "default", Delivery(), HERE),
            Broker("shop", "memory", Delivery(), HERE, CHANNEL),
        ),
        "channels": (
            Channel("Channel", "shop", "orders", Delivery(), HERE),
            Channel("InMemoryChannel", "shop", "steps-kn-sequence-0", Delivery(), HERE),
        ),
        "flows": (Flow("Sequence", "shop", "steps", "channel/shop/steps-kn-sequence-0", HERE),),
        "job_sinks": (JobSink("shop", "print", Container(("python",)), HERE),),
        "kafka_sinks": (KafkaSink("shop", "facts", "127.0.0.1:9092", "facts", HERE),),
        "services": (PLAN,),
        "deployments": (WEB,),
        "core_services": (core(),),
    }
    return Manifests(**(known | more))


NAMES = Names(manifests())
SERVICE = Target("service", "shop/plan")
DEPLOYMENT = Target("deployment", "shop/web")


@pytest.mark.parametrize(
    ("host", "namespace", "target"),
    [
        ("broker-ingress.knative-eventing.svc.cluster.local", "shop", INGRESS),
        ("kafka-broker-ingress.knative-eventing.svc.cluster.local", "shop", INGRESS),
        ("knative-local-gateway.istio-system.svc.cluster.local", "shop", GATEWAY),
        ("plan", "shop", SERVICE),
        ("plan.shop", "other", SERVICE),
        ("PLAN.shop.svc.cluster.local", "other", SERVICE),
        ("front", "shop", DEPLOYMENT),
        ("front.shop.svc", "other", DEPLOYMENT),
    ],
)
def test_hosts(host: str, namespace: str, target: Target) -> None:
    assert NAMES.of_host(host, None, namespace) == target


@pytest.mark.parametrize(
    ("host", "namespace"), [("plan", "other"), ("nobody", "shop"), ("a.b.c.d", "shop"), ("www.example.com", "shop")]
)
def test_unknown_hosts(host: str, namespace: str) -> None:
    with pytest.raises(UnknownName, match=host.split(".", maxsplit=1)[0]):
        NAMES.of_host(host, None, namespace)


def ref(kind: str, name: str, api: str = "", uri: str | None = None) -> Destination:
    return Destination(Ref(kind, "", name, api), uri)


KNATIVE, EVENTING, MESSAGING = "serving.knative.dev/v1", "eventing.knative.dev/v1", "messaging.knative.dev/v1"


@pytest.mark.parametrize(
    ("destination", "target", "path", "url"),
    [
        (ref("Service", "plan", KNATIVE), SERVICE, "/", "http://plan.shop.svc.cluster.local"),
        (ref("Service", "plan", KNATIVE, "/in?x=1"), SERVICE, "/in?x=1", "http://plan.shop.svc.cluster.local/in?x=1"),
        (ref("Service", "front", "v1", "/feeds"), DEPLOYMENT, "/feeds", "http://front.shop.svc.cluster.local/feeds"),
        (
            ref("Broker", "default", EVENTING),
            INGRESS,
            "/shop/default",
            "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/shop/default",
        ),
        (
            ref("Broker", "memory", EVENTING),
            INGRESS,
            "/shop/memory",
            "http://broker-ingress.knative-eventing.svc.cluster.local/shop/memory",
        ),
        (
            ref("Channel", "orders", MESSAGING),
            INGRESS,
            "/channel/shop/orders",
            "http://orders-kn-channel.shop.svc.cluster.local",
        ),
        (
            ref("InMemoryChannel", "orders", MESSAGING),
            INGRESS,
            "/channel/shop/orders",
            "http://orders-kn-channel.shop.svc.cluster.local",
        ),
        (
            ref("Sequence", "steps", "flows.knative.dev/v1"),
            INGRESS,
            "/channel/shop/steps-kn-sequence-0",
            "http://steps-kn-sequence-0-kn-channel.shop.svc.cluster.local",
        ),
        (
            ref("JobSink", "print", "sinks.knative.dev/v1alpha1"),
            INGRESS,
            "/jobsink/shop/print",
            "http://job-sink.knative-eventing.svc.cluster.local/shop/print",
        ),
        (
            ref("KafkaSink", "facts", "eventing.knative.dev/v1alpha1"),
            Target("kafka-sink", "shop/facts"),
            "/",
            "http://kafka-sink-ingress.knative-eventing.svc.cluster.local/shop/facts",
        ),
        (
            Destination(uri="http://kafka-sink-ingress.knative-eventing.svc.cluster.local/shop/facts"),
            Target("kafka-sink", "shop/facts"),
            "/",
            "http://kafka-sink-ingress.knative-eventing.svc.cluster.local/shop/facts",
        ),
        (
            Destination(uri="http://orders-kn-channel.shop.svc.cluster.local"),
            INGRESS,
            "/channel/shop/orders",
            "http://orders-kn-channel.shop.svc.cluster.local",
        ),
        (
            Destination(uri="http://job-sink.knative-eventing.svc.cluster.local/shop/print"),
            INGRESS,
            "/jobsink/shop/print",
            "http://job-sink.knative-eventing.svc.cluster.local/shop/print",
        ),
        (
            Destination(uri="http://broker-ingress.knative-eventing.svc.cluster.local/shop/memory"),
            INGRESS,
            "/shop/memory",
            "http://broker-ingress.knative-eventing.svc.cluster.local/shop/memory",
        ),
        (Destination(uri="http://plan.shop.svc/a b"), SERVICE, "/a%20b", "http://plan.shop.svc/a b"),
        (
            Destination(uri="http://127.0.0.1:9/x"),
            Target("address", address=TcpAddress("127.0.0.1", 9)),
            "/x",
            "http://127.0.0.1:9/x",
        ),
    ],
)
def test_destinations(destination: Destination, target: Target, path: str, url: str) -> None:
    assert NAMES.of_destination(destination, "shop") == (target, path)
    assert NAMES.url_of(destination, "shop") == url


@pytest.mark.parametrize(
    ("destination", "path"),
    [
        (ref("Broker", "default", EVENTING), "/broker/shop/default"),
        (ref("Service", "plan", KNATIVE), "/_knative/services/shop/plan"),
        (ref("KafkaSink", "facts", "eventing.knative.dev/v1alpha1"), "/_knative/kafkasinks/shop/facts"),
        (ref("Service", "front", "v1", "/feeds"), "/_knative/services/shop/front/feeds"),
        (Destination(uri="http://plan.shop.svc.cluster.local/x"), "/_knative/services/shop/plan/x"),
        (Destination(uri="http://127.0.0.1:9/x"), None),
    ],
)
def test_the_way_through_the_front_door(destination: Destination, path: str | None) -> None:
    assert NAMES.path_of(destination, "shop") == path


@pytest.mark.parametrize(
    "destination",
    [
        ref("Broker", "other", EVENTING),
        ref("KafkaSink", "other", "eventing.knative.dev/v1alpha1"),
        ref("KafkaSink", "facts", "eventing.knative.dev/v1alpha1", uri="/x"),
        ref("Service", "front", KNATIVE),
        ref("Service", "nobody", "v1"),
        ref("Channel", "default", "messaging.knative.dev/v1"),
        Destination(uri="https://example.com/"),
        Destination(uri="http://nobody.shop.svc.cluster.local/"),
        Destination(uri="nonsense"),
    ],
)
def test_destinations_that_are_not_there(destination: Destination) -> None:
    with pytest.raises(UnknownName):
        NAMES.of_destination(destination, "shop")


def route(host: str, authority: str | None = None, port: int | None = None) -> dict[str, Any]:
    made = HttpRoute((), host, port, Source("vs.yaml", 3), rewrite_authority=authority)
    return {"virtual_services": (VirtualService("shop", "front", (made,), HERE),)}


def trigger(subscriber: Destination, dead: Destination | None = None) -> dict[str, Any]:
    delivery = Delivery(dead_letter_sink=dead)
    return {"triggers": (Trigger("shop", "t", "default", subscriber, delivery, Source("t.yaml", 5)),)}


NOBODY, PLAN_REF = ref("Service", "nobody", KNATIVE), ref("Service", "plan", KNATIVE)


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        (ref("Broker", "none", EVENTING), "there is no Broker shop/none"),
        (ref("Channel", "steps-kn-sequence-0", MESSAGING), "there is no Channel shop/steps-kn-sequence-0"),
        (ref("Broker", "default", EVENTING, "/x"), "a Broker takes events at its own address; leave the uri /x out"),
        (ref("Broker", "default", "example.com/v1"), "a Broker of example.com/v1 cannot receive events here"),
        (ref("Deployment", "web", "apps/v1"), "a Deployment of apps/v1 cannot receive events here; a Service or a"),
        (
            Destination(uri="http://kafka-broker-ingress.knative-eventing.svc.cluster.local/shop/none"),
            "nothing takes events at http://kafka-broker-ingress",
        ),
        (Destination(uri="http://none-kn-channel.shop.svc.cluster.local"), "nothing takes events at http://none-kn"),
        (Destination(uri="https://example.com/"), "'https://example.com/' is not an http:// address"),
    ],
)
def test_destinations_that_mean_nobody(destination: Destination, said: str) -> None:
    with pytest.raises(UnknownName) as caught:
        NAMES.of_destination(destination, "shop")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (route("nobody"), "vs.yaml:3: there is neither a Service nor a Knative Service nobody in shop"),
        (route("front", port=81), "vs.yaml:3: Service front has no port 81"),
        (
            route("knative-local-gateway.istio-system.svc.cluster.local", "nobody.shop.svc.cluster.local"),
            "vs.yaml:3: there is neither a Service nor a Knative Service nobody in shop",
        ),
        (
            route("knative-local-gateway.istio-system.svc.cluster.local", "front.shop"),
            "vs.yaml:3: there is no Knative Service with the host front.shop",
        ),
        ({"core_services": (core(selector={"app": "x"}),)}, "m.yaml:7: Service front selects 0 Deployments"),
        ({"core_services": (core(target=9),)}, "m.yaml:7: Service front targets port 9, but web has 8081"),
        ({"core_services": (core(target=None),)}, "m.yaml:7: Service front targets port 80, but web has 8081"),
        (trigger(NOBODY), "t.yaml:5: there is no Knative Service shop/nobody"),
        (trigger(PLAN_REF, NOBODY), "t.yaml:5: there is no Knative Service shop/nobody"),
        (
            {"sink_bindings": (SinkBinding("shop", "b", "Service", None, NOBODY, HERE),)},
            "m.yaml:7: there is no Knative Service shop/nobody",
        ),
    ],
)
def test_every_name_that_means_nobody_is_reported_with_its_place(more: dict[str, Any], said: str) -> None:
    all_of_it = manifests(**more)
    found = Names(all_of_it).problems(all_of_it)
    assert len(found) == 1
    assert found[0].startswith(said)


def test_good_manifests_have_no_problems() -> None:
    good = manifests(
        **route("knative-local-gateway.istio-system.svc.cluster.local", "plan.shop.svc.cluster.local"),
        **trigger(PLAN_REF, ref("Broker", "default", EVENTING)),
    )
    assert Names(good).problems(good) == []
