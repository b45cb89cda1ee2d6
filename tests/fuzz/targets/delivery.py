"""What a subscriber answers: whatever it is, it has a meaning, and what follows from it can be sent."""

from atheris import FuzzedDataProvider

from knative_local.broker_classes import BROKER_CLASSES
from knative_local.cloudevent import from_json
from knative_local.delivery import Taken, dead_letter, judge, reply_to, wait_before
from knative_local.http_types import ConnectionFailed, HttpResponse, TimedOut
from knative_local.model import Delivery
from tests.fuzz.targets.cloudevent import can_be_told_on
from tests.fuzz.targets.wire import message

EVENT = from_json(b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1}}')
NAMES = [b"kne-foo", b"kne-id", b"kne-data", b"kne-", b"kne-A", b"kne-\xe9", b"retry-after"]
VALUES = [
    b"1",
    b"-1",
    b"Fri, 31 Dec 9999 23:59:59 GMT",
    b"Mon, 01 Jan 0001 00:00:00 +2359",
    b"nan",
    b"9" * 400,
    b"\xff",
]
DELIVERY = Delivery(retry=5, retry_after_max=10.0)


def one(data: bytes) -> None:
    provider = FuzzedDataProvider(data)
    broker_class = provider.PickValueInList(list(BROKER_CLASSES.values()))
    status = provider.ConsumeIntInRange(200, 599)
    headers, body = message(provider)
    for _ in range(provider.ConsumeIntInRange(0, 3)):
        value = provider.PickValueInList(VALUES) if provider.ConsumeBool() else provider.ConsumeBytes(30)
        headers.append((provider.PickValueInList(NAMES), value.replace(b"\r", b"").replace(b"\n", b"")))
    outcomes = [HttpResponse(status, headers, body), ConnectionFailed(body.decode("latin-1")), TimedOut("late")]
    verdict = judge(provider.PickValueInList(outcomes), broker_class)
    if isinstance(verdict, Taken):
        reply = verdict.reply and reply_to(EVENT, verdict.reply, broker_class)
        if reply is not None:
            can_be_told_on(reply)
        return
    assert verdict.failure.reason
    letter = dead_letter(EVENT, "http://sink/", verdict, broker_class)
    can_be_told_on(letter)
    assert (letter.identity, letter.data()) == (EVENT.identity, EVENT.data())
    wait = wait_before(DELIVERY, 1, broker_class, verdict.retry_after_s)
    assert wait is not None
    assert 0 <= wait <= 10
