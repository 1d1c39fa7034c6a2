"""One connection without a socket: what it hands to the loop and to its board, and that no key stays in a buffer."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from keytwin.runtime.identities import UnknownPeer
from keytwin.runtime.journal_codec import encode
from keytwin.runtime.transport_codec import GREETING, LARGEST_KEYS, Way
from keytwin.runtime.transport_connection import FLUSH_AT, GREETING_TIMEOUT, Connection, Counts
from keytwin.vocabulary.errors import UnexpectedMessage, Violation
from keytwin.vocabulary.exchange_messages import BorrowCredit
from keytwin.vocabulary.identity import ElementName, Ksid, NodeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Message
from tests.marks import invariant
from tests.runtime.posts import AB, KM_A, KM_B, TWIN_AB, acknowledgement, raw

Result = TypeVar("Result")
ON_AB = frozenset({AB})


class Wire(asyncio.Transport):
    """Keeps what is written: the octets as they were, and the buffers themselves."""

    def __init__(self) -> None:
        super().__init__({"ssl_object": None, "socket": socket.socket()})
        self.octets: list[bytes] = []
        self.buffers: list[bytes | bytearray | memoryview] = []
        self.is_aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.octets.append(bytes(data))
        self.buffers.append(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def abort(self) -> None:
        self.is_aborted = True


@dataclass
class Board:
    """Lets one peer in, and notes what happens."""

    own: ElementName
    peer: ElementName
    answer: Callable[[Message], object] = lambda _: None
    is_refusing: bool = False
    is_closing: bool = False
    counts: Counts = field(default_factory=Counts)
    happened: list[str] = field(default_factory=list)

    def welcomes(self, _: Connection) -> bool:
        return not self.is_closing

    def admit(self, own: ElementName, dialled: ElementName | None, tls: ssl.SSLObject) -> tuple[Way, Way]:
        if self.is_refusing:
            raise UnknownPeer("a stranger")
        return Way(self.own, self.peer, ON_AB), Way(self.peer, self.own, ON_AB)

    def opened(self, _: Connection) -> None:
        self.happened.append("opened")

    def ended(self, _: Connection, cause: str) -> None:
        self.happened.append(f"ended: {cause}")

    def violated(self, _: Connection, violation: Violation) -> None:
        self.happened.append(f"violated: {violation}")

    def deliver(self, source: ElementName, target: ElementName, message: Message) -> None:
        self.happened.append(f"{source} {target} {type(message).__name__}")
        self.answer(message)

    def listen_in(self, source: ElementName, target: ElementName, frame: bytearray, start: int) -> None:
        self.happened.append(f"sends {len(frame) - start}")


@dataclass
class Bench:
    """A connection between a board and a wire, in a loop that turns when it is told to."""

    board: Board
    loop: asyncio.AbstractEventLoop
    is_dialler: bool = False

    def __post_init__(self) -> None:
        self.wire = Wire()
        self.connection = self.inside(
            lambda: Connection(self.board, self.board.own, self.board.peer if self.is_dialler else None)
        )
        self.inside(lambda: self.connection.connection_made(self.wire))

    def inside(self, work: Callable[[], Result]) -> Result:
        async def doing() -> Result:
            return work()

        return self.loop.run_until_complete(doing())

    def send(self, *messages: Message) -> list[bool]:
        return self.inside(lambda: [self.connection.send(message) for message in messages])

    def turn(self) -> None:
        self.inside(lambda: None)

    def come(self, octets: bytes) -> None:
        """Let octets arrive."""

        def arriving() -> None:
            room = self.connection.get_buffer(len(octets))
            room[: len(octets)] = octets
            self.connection.buffer_updated(len(octets))

        self.inside(arriving)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    loop = asyncio.new_event_loop()
    made: list[Bench] = []

    def make(own: ElementName, peer: ElementName, *, is_dialler: bool = False, is_refusing: bool = False) -> Bench:
        made.append(Bench(Board(own, peer, is_refusing=is_refusing), loop, is_dialler))
        return made[-1]

    yield make
    for each in made:
        each.wire.get_extra_info("socket").close()
    loop.close()


def block(octets: bytes) -> LinkKeyBlock:
    return LinkKeyBlock(AB, 1, KeyMaterial(bytearray(octets)), 0.02)


def framed(*messages: Message) -> bytes:
    return b"".join(raw(encode(message)) for message in messages)


def test_messages_of_one_round_of_the_loop_go_out_in_one_write(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    assert at.wire.octets == [GREETING]
    told = [acknowledgement(offset) for offset in range(50)]
    assert at.send(*told) == [True] * 50
    at.turn()
    assert at.wire.octets[1:] == [framed(*told)]
    at.send(told[0])
    at.turn()
    assert at.wire.octets[2:] == [framed(told[0])]


def test_a_full_write_does_not_wait_for_the_end_of_the_round(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    large = BorrowCredit(NodeId("a"), Ksid("k" * FLUSH_AT), 1, onward=True, wanted=1, lent=0)
    at.inside(lambda: [at.connection.send(acknowledgement(1)), at.connection.send(large), len(at.wire.octets)])
    assert at.wire.octets[1:] == [framed(acknowledgement(1), large)]


def test_while_the_peer_does_not_read_messages_wait_up_to_a_bound_and_keep_their_order(
    bench: Callable[..., Bench],
) -> None:
    at = bench(KM_A, KM_B)
    at.connection.pause_writing()
    told = [BorrowCredit(NodeId("a"), Ksid("k" * 1_000_000), 1, onward=True, wanted=n, lent=0) for n in range(12)]
    taken = at.send(*told)
    at.turn()
    assert at.wire.octets == [GREETING]
    assert taken == [True] * 9 + [False] * 3
    at.inside(at.connection.resume_writing)
    assert b"".join(at.wire.octets[1:]) == framed(*told[:9])
    assert at.send(told[11]) == [True]


@invariant("Z5")
def test_key_is_overwritten_when_it_has_been_written(bench: Callable[..., Bench]) -> None:
    at = bench(TWIN_AB, KM_A)
    assert at.send(block(b"\xa5" * 500), block(b"\xa6" * 500)) == [True, True]
    at.turn()
    assert [key * 500 in octets for octets, key in zip(at.wire.octets[1:], (b"\xa5", b"\xa6"), strict=True)] == [
        True,
        True,
    ]
    assert [any(buffer) for buffer in at.wire.buffers[1:]] == [False, False]
    assert at.connection._waiting == []


@invariant("Z5")
def test_key_that_waits_is_overwritten_when_the_connection_ends(bench: Callable[..., Bench]) -> None:
    at = bench(TWIN_AB, KM_A)
    at.connection.pause_writing()
    at.send(block(b"\xa5" * 500))
    (waiting,) = at.connection._waiting
    assert waiting.count(b"\xa5") == 500
    at.inside(lambda: at.connection.connection_lost(None))
    assert not any(waiting)
    assert at.board.happened[-1] == "ended: the peer closed"


@invariant("Z5")
def test_key_that_came_half_is_overwritten_when_the_connection_ends(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, TWIN_AB)
    at.come(framed(block(b"\xa5" * 500))[:300])
    assert at.connection._reader is not None
    buffer = at.connection._reader._octets
    assert buffer.count(b"\xa5") > 200
    at.inside(lambda: at.connection.abort("closed"))
    assert not any(buffer)
    at.come(b"\xa5")  # what the loop still had
    assert at.board.happened == ["opened", "ended: closed"]


def test_a_dialler_sends_nothing_before_it_is_greeted(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B, is_dialler=True)
    assert at.send(acknowledgement(1)) == [False]
    assert at.board.happened == []
    at.come(GREETING + framed(acknowledgement(2, "b")))
    assert at.board.happened == ["opened", "km/b km/a KeysReceived"]
    at.come(GREETING)
    assert at.board.happened == ["opened", "km/b km/a KeysReceived"]
    assert at.send(acknowledgement(1)) == [True]
    at.turn()
    assert at.wire.octets == [framed(acknowledgement(1))]
    assert at.board.happened[-1] == f"sends {len(framed(acknowledgement(1)))}"


def test_a_dialler_that_is_never_greeted_gives_up(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    at, greeted = bench(KM_A, KM_B, is_dialler=True), bench(KM_A, KM_B, is_dialler=True)
    greeted.come(GREETING)
    later = at.loop.time() + GREETING_TIMEOUT
    monkeypatch.setattr(at.loop, "time", lambda: later)
    at.turn()
    assert at.wire.is_aborted
    assert (at.connection.cause, at.board.happened) == ("was not greeted", [])
    assert not greeted.wire.is_aborted


def test_who_comes_while_this_end_closes_is_sent_away(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    at.board.is_closing = True
    late = at.inside(lambda: Connection(at.board, KM_A))
    at.inside(lambda: late.connection_made(at.wire))
    assert at.wire.is_aborted
    assert at.board.happened == ["opened"]


def test_who_is_refused_hears_and_is_heard_no_more(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B, is_refusing=True)
    at.come(framed(acknowledgement(1, "b")))
    assert at.wire.is_aborted
    assert at.wire.octets == []
    assert at.board.happened == ["violated: a stranger"]
    assert at.send(acknowledgement(1)) == [False]


def test_a_violation_found_by_the_receiver_breaks_off_and_nothing_behind_is_delivered(
    bench: Callable[..., Bench],
) -> None:
    at = bench(KM_A, KM_B)

    def object_to(message: Message) -> None:
        raise UnexpectedMessage(f"{type(message).__name__} at a bad time")

    at.board.answer = object_to
    at.come(framed(acknowledgement(1, "b"), acknowledgement(2, "b")))
    assert at.wire.is_aborted
    assert at.board.happened == [
        "opened",
        "km/b km/a KeysReceived",
        "ended: KeysReceived at a bad time",
        "violated: KeysReceived at a bad time",
    ]


def test_a_connection_that_the_receiver_ends_delivers_nothing_behind(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    at.board.answer = lambda _: at.connection.abort("enough")
    at.come(framed(acknowledgement(1, "b"), acknowledgement(2, "b")))
    assert at.board.happened == ["opened", "km/b km/a KeysReceived", "ended: enough"]


def test_an_answer_may_be_sent_from_within(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    at.board.answer = lambda _: at.connection.send(acknowledgement(7))
    at.come(framed(acknowledgement(1, "b"), acknowledgement(2, "b")))
    at.turn()
    assert at.wire.octets[1:] == [framed(acknowledgement(7), acknowledgement(7))]


def test_too_large_a_message_is_dropped_and_harms_no_other(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    large = BorrowCredit(NodeId("a"), Ksid("k" * LARGEST_KEYS), 1, onward=True, wanted=1, lent=0)
    assert at.send(acknowledgement(1), large, acknowledgement(2)) == [True, False, True]
    at.turn()
    assert at.wire.octets[1:] == [framed(acknowledgement(1), acknowledgement(2))]


def test_counts_are_of_frames_and_octets(bench: Callable[..., Bench]) -> None:
    at = bench(KM_A, KM_B)
    came = framed(acknowledgement(1, "b"), acknowledgement(2, "b"))
    at.come(came)
    at.send(acknowledgement(3))
    at.turn()
    counts = at.board.counts
    assert (counts.frames_received, counts.octets_received) == (2, len(came))
    assert (counts.frames_sent, counts.octets_sent) == (1, len(framed(acknowledgement(3))))
