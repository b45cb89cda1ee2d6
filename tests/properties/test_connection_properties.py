"""Whatever the pieces that requests come in, and whenever the broker acknowledges: each is answered once, in order."""

from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.functions.peer import COLD, HOT, SLOW, Peer, answer, get

BODY = b'{"a":"%d"}'
BATCH = b'[{"specversion":"1.0","id":"d%d","source":"/s","type":"t"}]'
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


def request(kind: str, number: int) -> tuple[bytes, bytes]:
    """The n-th request and its answer."""
    match kind:
        case "hot":
            return get(f"/hot?{number}", "user-agent: a"), HOT
        case "traced":
            return get(f"/hot?{number}", f"traceparent: {number}"), HOT
        case "posted":
            return get(f"/hot?{number}", "content-length: 0", method="POST"), HOT
        case "odd":
            return get("/hot?odd"), SLOW
        case "cold":
            return get("/cold"), COLD
        case "body":
            body = BODY % number
            return get("/body", f"content-length: {len(body)}", method="POST") + body, answer({"a": str(number)})
        case _:
            body = BATCH % number
            lines = "content-type: application/cloudevents-batch+json", "transfer-encoding: chunked"
            chunks = b"5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:5], len(body) - 5, body[5:])
            return get("/", *lines, method="POST") + chunks, DONE


kinds = st.lists(
    st.sampled_from(["hot", "hot", "hot", "traced", "posted", "odd", "cold", "body", "batch"]), max_size=12
)


@given(kinds, st.lists(st.integers(0, 2000), max_size=8), st.randoms(use_true_random=False))
async def test_each_request_is_answered_once_and_in_order(kinds: list[str], cuts: list[int], chance: Random) -> None:
    with TemporaryDirectory() as folder:
        peer = Peer(Path(folder))
        peer.module.gate.set()
        told = [request(kind, number) for number, kind in enumerate(kinds)]
        sent, expected = b"".join(each for each, _ in told), b"".join(each for _, each in told)
        edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
        for begin, end in pairwise(edges):
            peer.send(sent[begin:end])
            assert expected.startswith(peer.heard)
            if chance.random() < 0.5:
                await peer.settle()
            due = [each for each in peer.sink.posted if each not in peer.sink.acknowledged]
            peer.sink.acknowledge(*chance.sample(due, chance.randint(0, len(due))))
        while peer.heard != expected:
            before = peer.heard
            peer.sink.acknowledge(*peer.sink.posted.keys() - peer.sink.acknowledged)
            await peer.settle()
            assert peer.heard != before, f"nothing more comes after {before!r}"
        hot = [str(number) for number, kind in enumerate(kinds) if kind in {"hot", "traced", "posted"}]
        assert list(peer.sink.posted) == hot
        assert [event.id for event in peer.module.handled] == [
            f"d{n}" for n, kind in enumerate(kinds) if kind == "batch"
        ]
        assert not peer.transport.is_closed
