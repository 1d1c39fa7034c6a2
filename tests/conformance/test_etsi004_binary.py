"""ETSI GS QKD 004 V2.1.1 on a live network, in binary frames, by a client that knows nothing but their byte counts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

import pytest

from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import Sae
from tests.conformance.test_etsi004 import Ends, opening, uri
from tests.fakes.binary_client import ANY, BinaryClient, close_frame, frame, get_frame, got, open_frame, opened
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 004 V2.1.1"
CONNECTIONS = 1_000
GARBAGE = 200


@contextmanager
def client(line: Network, sae: Sae) -> Iterator[BinaryClient]:
    made = BinaryClient(line.binary(sae), sae.context())
    try:
        yield made
    finally:
        made.close()


def opening_of(sae: Sae, ksid: bytes = bytes(16), **qos: int) -> bytes:
    return open_frame(uri(sae.name), uri(sae.peer), ksid, "application/json", **qos)


@clause(DOCUMENT, "6")
@invariant("K2")
@pytest.mark.parametrize(("first", "second"), [("near-a", "near-b"), ("far-a", "far-b"), ("back-a", "back-b")])
def test_open_get_and_close_in_frames(line: Network, first: str, second: str) -> None:
    one, other = line.sae(first), line.sae(second)
    with client(line, one) as here, client(line, other) as there:
        told = opened(here.ask(opening_of(one, key_chunk_size=32, timeout=3_000)))
        assert told.status == 1
        assert UUID(bytes=told.ksid).version == 4
        joined = opened(there.ask(opening_of(other, told.ksid)))
        assert (joined.status, joined.ksid, joined.qos) == (0, told.ksid, told.qos)
        ones = [got(here.ask(get_frame(told.ksid))) for _ in range(4)]
        others = [got(there.ask(get_frame(told.ksid, index))) for index in (3, 1, 0)]
        others.append(got(there.ask(get_frame(told.ksid, ANY))))
        assert [each.index for each in others] == [3, 1, 0, 2]
        assert {each.index: each.key for each in ones} == {each.index: each.key for each in others}
        assert {len(each.key) for each in ones} == {32}
        assert {"age", "hops"} <= json.loads(ones[0].metadata).keys()
        assert here.ask(get_frame(told.ksid, 0)).status == 2
        small = here.ask(get_frame(told.ksid, 9, room=4))
        assert small.status == 8
        needed = int.from_bytes(small.payload[4:], "big")
        assert len(small.payload) == 8
        assert got(here.ask(get_frame(told.ksid, 9, room=needed + 8))).index == 9
        assert [each.ask(close_frame(told.ksid)).status for each in (here, there)] == [0, 0]
        assert here.ask(get_frame(told.ksid)).status == 3


@clause(DOCUMENT, "6")
@invariant("K1")
@invariant("K2")
def test_one_end_may_speak_json_and_the_other_frames(line: Network) -> None:
    one, other = line.sae("near-a"), line.sae("near-b")
    ksid = str(uuid4())
    assert opening(one, ksid, timeout=200)["status"] == 1
    ends = Ends(one, other, ksid)
    octets = UUID(ksid).bytes
    with client(line, other) as there, client(line, one) as here:
        assert opened(there.ask(opening_of(other, octets))).status == 0
        assert here.ask(opening_of(one, octets)).status == 5
        mine = got(here.ask(get_frame(octets, 0)))
        assert ends.get(one, 0)["status"] == 2  # the other binding has given it
        assert got(there.ask(get_frame(octets, 0))).key == mine.key
    ends.close()


@clause(DOCUMENT, "Table 2")
def test_any_version_is_taken_and_answered_with_the_same(line: Network) -> None:
    own = line.sae("near-a")
    with client(line, own) as here:
        for version in (b"\x00\x00\x00", b"\x02\x01\x01", b"\xff\xff\xff"):
            reply = here.ask(frame(8, bytes(16), version))
            assert (reply.version, reply.service, reply.status) == (version, 9, 3)


@clause(DOCUMENT, "Table 2")
def test_frames_may_be_sent_ahead_and_octet_by_octet(line: Network) -> None:
    own = line.sae("near-a")
    with client(line, own) as here:
        here.socket.sendall(close_frame(bytes(16)) * 50)
        assert [here.read().status for _ in range(50)] == [3] * 50
        for octet in close_frame(bytes(16)):
            here.socket.sendall(bytes([octet]))
        assert here.read().status == 3


@invariant("K9")
@invariant("Z9")
@pytest.mark.parametrize(
    "wrong",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        frame(0, b""),
        frame(3, bytes(4)),
        frame(4, bytes(23)),
        frame(8, bytes(15)),
        frame(8, b""),
        frame(2, b"no end"),
        b"\x01\x00\x01\x02\xff\xff\xff\xff",
        b"\x01\x00\x01\x04\x00\x00\x00\x19",
        frame(2, b"a\0b\0" + bytes(299)),
        frame(2, b"\xff\0b\0" + bytes(300)),
    ],
    ids=lambda wrong: wrong[:12].hex(),
)
def test_what_is_no_frame_ends_the_connection_and_costs_nothing(line: Network, wrong: bytes) -> None:
    own = line.sae("near-a")
    with nothing_consumed(line, own), client(line, own) as here:
        here.socket.sendall(wrong)
        with pytest.raises((EOFError, OSError)):
            here.read()
    with client(line, own) as again:
        assert again.ask(close_frame(bytes(16))).status == 3


@invariant("K9")
@invariant("Z9")
@pytest.mark.slow
def test_garbage_costs_nothing_and_hurts_nobody(line: Network) -> None:
    own, dice = line.sae("near-a"), random.Random(4)
    with nothing_consumed(line, own):
        for _ in range(GARBAGE):
            with client(line, own) as here, suppress(EOFError, OSError):
                here.socket.settimeout(0.02)
                head = bytes([1, 0, 1, dice.choice((2, 4, 8, dice.randrange(256)))])
                here.socket.sendall(head + dice.randbytes(dice.randrange(400)))
                here.read()
    with client(line, own) as here:
        assert here.ask(close_frame(bytes(16))).status == 3


@invariant("K4")
def test_an_sae_of_another_node_is_nobody(line: Network) -> None:
    stranger, other = line.sae("far-b"), line.sae("near-b")
    made = BinaryClient(line.binary(other), stranger.context())
    assert made.ask(opening_of(stranger)).status == 4
    assert made.ask(get_frame(bytes(16))).status == 3
    made.close()


@invariant("Z9")
@pytest.mark.slow
def test_a_thousand_idle_connections_keep_nobody_waiting(line: Network) -> None:
    own = line.sae("near-a")
    context, address = own.context(), line.binary(own)
    idle = [BinaryClient(address, context) for _ in range(CONNECTIONS)]
    try:
        with client(line, own) as here:
            assert here.ask(close_frame(bytes(16))).status == 3
        assert idle[0].ask(close_frame(bytes(16))).status == 3
        assert idle[-1].ask(close_frame(bytes(16))).status == 3
        assert own.status()["stored_key_count"] > 0
    finally:
        for each in idle:
            each.close()
