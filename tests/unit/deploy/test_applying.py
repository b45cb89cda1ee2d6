"""`trackway deploy apply` and `diff` on an API server in memory: order, conflicts, refusals, lost connections."""

from __future__ import annotations

import httpx2
import pytest

from tests.unit.deploy.fake_api import FakeApi, status
from trackway.deploy.applying import apply, in_order, put, reason
from trackway.deploy.cluster import Conflicts, Refused, Unreachable
from trackway.deploy.diffing import diff
from trackway.deploy.manifest import Manifest, parse

NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: town}\n"
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: town}\ndata: {COLOUR: red}\n"
GATEWAY = """apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: town}
spec: {replicas: 2, selector: {matchLabels: {app: gateway}}, template: {spec: {containers: [{name: x}]}}}
"""
PERSIST = """apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: persist, namespace: town}
spec: {template: {spec: {containers: [{image: "a/b:1"}]}}}
"""
ALL = "---\n".join([GATEWAY, PERSIST, SETTINGS, NAMESPACE])
AT = "/api/v1/namespaces/town/configmaps/settings"
SERVICE_AT = "/apis/serving.knative.dev/v1/namespaces/town/services/persist"


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


def changes(api: FakeApi, text: str, *, force: bool = False) -> dict[str, str | None]:
    with api.cluster() as cluster:
        done = apply(cluster, parse(text), force=force, now=lambda: api.time, sleep=api.sleep)
        return {str(each.manifest): each.change for each in done}


def refusals(api: FakeApi, text: str) -> dict[str, str]:
    with api.cluster() as cluster:
        done = apply(cluster, parse(text), now=lambda: api.time, sleep=api.sleep)
        return {str(each.manifest): each.why for each in done if each.change is None}


def test_what_others_live_in_comes_first_then_what_they_read(api: FakeApi) -> None:
    assert [str(each) for each in in_order(parse(ALL))] == [
        "Namespace town",
        "ConfigMap settings",
        "Deployment gateway",
        "Service persist",
    ]
    assert set(changes(api, ALL).values()) == {"created"}


def test_the_second_apply_changes_nothing_and_says_so(api: FakeApi) -> None:
    changes(api, ALL)
    assert set(changes(api, ALL).values()) == {"as it was"}
    assert changes(api, ALL.replace("red", "blue"))["ConfigMap settings"] == "changed"
    assert api.objects[AT]["data"] == {"COLOUR": "blue"}


def test_a_field_that_somebody_else_set_is_told_with_its_owner_and_taken_over_by_force(api: FakeApi) -> None:
    changes(api, ALL)
    api.put("/apis/apps/v1/namespaces/town/deployments/gateway", {"spec": {"replicas": 5}}, manager="scaler")
    assert refusals(api, ALL) == {"Deployment gateway": "spec.replicas is scaler's; --force takes it over"}
    assert changes(api, ALL, force=True)["Deployment gateway"] == "changed"
    assert set(changes(api, ALL).values()) == {"as it was"}


def test_what_is_refused_is_told_in_the_webhooks_words_and_stops_none_of_the_others(api: FakeApi) -> None:
    api.refuse = lambda tree: "admission webhook denied:\n  no red" if tree.get("data") else None
    assert refusals(api, ALL) == {"ConfigMap settings": "admission webhook denied: no red"}
    assert SERVICE_AT in api.objects


def test_a_kind_that_the_cluster_does_not_know_is_told_with_the_remedy(api: FakeApi) -> None:
    del api.kinds["serving.knative.dev/v1"]
    assert refusals(api, ALL) == {
        "Service persist": "the cluster knows no Service of serving.knative.dev/v1; install what brings it "
        "(trackway doctor --cluster says what)"
    }


def test_nothing_is_applied_into_a_namespace_that_is_being_deleted(api: FakeApi) -> None:
    changes(api, ALL)
    api.objects["/api/v1/namespaces/town"]["metadata"]["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    assert refusals(api, ALL) == {"Namespace town": "is being deleted; wait until it is gone, and apply again"}


def test_what_a_sink_binding_wrote_into_a_service_is_no_conflict(api: FakeApi) -> None:
    """Its controller then owns the containers too, and its webhook writes the same again."""

    def bind(tree: dict) -> None:
        if tree["kind"] == "Service":
            for each in tree["spec"]["template"]["spec"]["containers"]:
                each["env"] = [{"name": "K_SINK", "value": "http://broker"}]

    changes(api, ALL)
    api.mutate = bind
    bound = [{"image": "a/b:1", "env": [{"name": "K_SINK", "value": "http://broker"}]}]
    api.put(SERVICE_AT, {"spec": {"template": {"spec": {"containers": bound}}}}, manager="eventing-webhook")
    assert changes(api, ALL)["Service persist"] == "as it was"
    assert changes(api, ALL.replace("a/b:1", "a/b:2"))["Service persist"] == "changed"


BINDING = """apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: functions, namespace: town}
spec: {subject: {}, sink: {}}
"""


def test_a_sink_binding_is_given_time_to_find_its_sink_before_what_it_binds_is_made(api: FakeApi) -> None:
    api.kinds["sources.knative.dev/v1"] = {"SinkBinding": ("sinkbindings", True)}
    at = "/apis/sources.knative.dev/v1/namespaces/town/sinkbindings/functions"
    original = api.answer

    def resolved_when_asked_thrice(request: httpx2.Request) -> httpx2.Response:
        if api.requests.count(("GET", at)) == 3:
            assert SERVICE_AT not in api.objects
            api.objects[at]["status"] = {"sinkUri": "http://broker"}
        return original(request)

    api.answer = resolved_when_asked_thrice
    assert set(changes(api, "---\n".join([PERSIST, BINDING, NAMESPACE])).values()) == {"created"}
    assert SERVICE_AT in api.objects


def test_a_sink_binding_that_never_finds_its_sink_keeps_nothing_from_being_applied(api: FakeApi) -> None:
    api.kinds["sources.knative.dev/v1"] = {"SinkBinding": ("sinkbindings", True)}
    assert set(changes(api, "---\n".join([PERSIST, BINDING, NAMESPACE])).values()) == {"created"}
    assert 10 < api.time < 30


def test_a_connection_that_is_lost_is_made_again(api: FakeApi) -> None:
    api.faults = [httpx2.ConnectError("refused"), httpx2.ReadError("reset"), httpx2.Response(503)]
    assert set(changes(api, ALL).values()) == {"created"}


def test_a_webhook_that_nobody_answers_for_yet_is_waited_for(api: FakeApi) -> None:
    changes(api, NAMESPACE)
    starting = status(500, 'Internal error occurred: failed calling webhook "webhook.serving.knative.dev": refused')
    api.faults = [starting] * 3
    assert set(changes(api, ALL).values()) == {"created", "as it was"}


def test_a_server_that_stays_away_is_said_so_with_its_address(api: FakeApi) -> None:
    api.faults = [httpx2.ConnectError("Connection refused")] * 100
    with (
        api.cluster() as cluster,
        pytest.raises(Unreachable, match=r"no API server answers at http://api\.test.*refused"),
    ):
        cluster.version()
    assert 20 < api.time < 60


def test_who_is_not_known_is_told_to_log_in(api: FakeApi) -> None:
    api.faults = [status(401, "Unauthorized")]
    with api.cluster() as cluster, pytest.raises(Refused, match="does not know this user"):
        cluster.version()


def one(text: str) -> Manifest:
    (found,) = parse(text)
    return found


def difference(api: FakeApi, text: str) -> list[str]:
    it = one(text)
    with api.cluster() as cluster:
        before = cluster.get(it)
        return list(diff(str(it), before, put(cluster, it, before, dry_run=True)))


def test_a_diff_shows_what_would_change_and_changes_nothing(api: FakeApi) -> None:
    changes(api, NAMESPACE)
    changes(api, SETTINGS)
    assert difference(api, SETTINGS) == []
    lines = difference(api, SETTINGS.replace("red", "blue"))
    assert lines[:2] == ["--- ConfigMap settings (is)", "+++ ConfigMap settings (would be)"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  COLOUR: red", "+  COLOUR: blue"]
    assert api.objects[AT]["data"] == {"COLOUR": "red"}


def test_a_diff_never_shows_what_is_secret(api: FakeApi) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: it, namespace: town}\ndata: {KEY: b25l, OTHER: dHdv}\n"
    changes(api, NAMESPACE)
    changes(api, secret)
    lines = difference(api, secret.replace("b25l", "dGhyZWU="))
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  KEY: (hidden) before", "+  KEY: (hidden) after"]
    assert not any(value in line for line in lines for value in ("b25l", "dGhyZWU", "dHdv"))
    assert difference(api, secret) == []


def test_several_conflicts_are_one_line(api: FakeApi) -> None:
    changes(api, NAMESPACE)
    changes(api, SETTINGS.replace("{COLOUR: red}", "{COLOUR: red, SIZE: small}"))
    api.put(AT, {"data": {"COLOUR": "green", "SIZE": "large"}}, manager="somebody")
    with api.cluster() as cluster, pytest.raises(Conflicts) as raised:
        cluster.apply(one(SETTINGS.replace("{COLOUR: red}", "{COLOUR: red, SIZE: small}")))
    assert reason(raised.value) == "data.COLOUR is somebody's; data.SIZE is somebody's; --force takes it over"
