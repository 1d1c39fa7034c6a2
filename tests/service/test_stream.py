"""One end of a key stream by itself: total, with exits, replayable, restorable, bounded; and what it says when."""

from __future__ import annotations

from collections.abc import Sized
from typing import Final

import msgspec
import pytest

from keytwin.service.stream import Stream
from keytwin.service.stream_chunks import WINDOW
from keytwin.service.stream_qos import LONGEST_WAIT, Level
from keytwin.service.stream_steps import MOST_UNANSWERED, MOST_WAITING, WORD_REPEAT
from keytwin.service.stream_table import STREAM_TABLE, Stage, StreamDue
from keytwin.service.streams import MOST_STREAMS, Partner, Streams
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer
from keytwin.vocabulary.session_messages import (
    CloseSession,
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.stream_messages import (
    ChunkDelivered,
    CloseStream,
    GetChunk,
    OpenStream,
    PeerTold,
    StreamAnswered,
    StreamQos,
    StreamStatus,
    StreamWord,
    TellPeer,
)
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, after, minutes, seconds
from tests.machines import assert_bounded, assert_every_state_has_exits, assert_table_is_total
from tests.marks import clause, invariant

DOCUMENT: Final = "ETSI GS QKD 004 V2.1.1"
ALICE, BOB = SaeId("app01-a"), SaeId("app01-b")
KM, FACE = ElementName("km/km0"), ElementName("face/km0")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
BEGIN: Final = Instant(seconds(100))
LEVEL: Final = Level(BitsPerSecond(64_000), Bits(256_000), 0, Bits(256), minutes(10))
WANTED: Final = StreamQos(timeout=1_000, ttl=60, metadata_mimetype="application/json")
MESSAGES: Final = (
    SessionRegistered, SessionOpened, SessionRefused, SessionEnded, PeerTold, GetChunk, CloseStream, KeyDelivered,
    KeyRefused, StreamDue,
)  # fmt: skip


def key(number: int) -> Key:
    material = KeyMaterial(bytearray([number % 256]) * 32)
    return Key(KeyId(f"key-{number}"), material, Provenance(Method.RELAYED, 2))


class End:
    """The streams of one SAE, and what they have sent."""

    def __init__(self, sae: SaeId = ALICE, peer: SaeId = BOB) -> None:
        self.sae, self.peer = sae, peer
        self.streams = Streams(sae, KM, {peer: Partner(AppId("app01"), LEVEL)}, BEGIN)
        self.now = BEGIN
        self.effects: list[Effect] = []
        self.asked = 0

    def tell(self, message: Message) -> list[Message]:
        self.effects = self.streams.receive(message, self.now)
        return [effect.message for effect in self.effects if isinstance(effect, Send)]

    def open(self, ksid: Ksid | None = None, qos: StreamQos = WANTED) -> list[Message]:
        return self.tell(OpenStream("open", FACE, self.sae, self.peer, ksid, qos))

    @property
    def stream(self) -> Stream:
        (stream,) = self.streams.streams.values()
        return stream

    def opened(self, *, is_first: bool) -> SessionOpened:
        size, rate, burst = LEVEL.key_size, LEVEL.rate, LEVEL.burst
        return SessionOpened(self.stream.handle, KSID, size, rate, burst, 2, is_first)

    def get(self, index: int | None = None, room: int = 1_024) -> list[Message]:
        self.asked += 1
        return self.tell(GetChunk(f"get-{self.asked}", FACE, self.sae, KSID, index, room))

    def close(self) -> list[Message]:
        return self.tell(CloseStream("close", FACE, self.sae, KSID))

    def hear(self, **word: object) -> list[Message]:
        return self.tell(PeerTold(KSID, msgspec.convert(word, StreamWord)))

    def wait(self, span: Duration) -> list[Message]:
        self.now = after(self.now, span)
        return self.tell(StreamDue(self.stream.handle))


def first() -> End:
    end = End()
    end.open()
    end.tell(SessionRegistered(end.stream.handle, KSID))
    end.tell(end.opened(is_first=True))
    return end


def second() -> End:
    end = End(BOB, ALICE)
    end.open(KSID)
    end.tell(end.opened(is_first=False))
    return end


def joined() -> End:
    end = second()
    end.hear(qos=msgspec.to_builtins(WANTED))
    assert end.stream.state is Stage.OPEN
    return end


def at(stage: Stage) -> End:
    match stage:
        case Stage.OPENING | Stage.WAITING:
            end = End()
            end.open()
            if stage is Stage.WAITING:
                end.tell(SessionRegistered(end.stream.handle, KSID))
        case Stage.MEETING:
            end = second()
        case Stage.OPEN:
            end = first()
        case Stage.CLOSED:
            end = first()
            end.close()
        case Stage.ENDED:
            end = first()
            end.get(1)
            end.tell(delivered(end, 0, 1))
            end.tell(SessionEnded(KSID, Reason.INACTIVE))
        case _:
            raise AssertionError("nothing is left of it")
    assert end.stream.state is stage
    return end


STAGES: Final = [stage for stage in Stage if stage is not Stage.OVER]


def delivered(end: End, *numbers: int) -> KeyDelivered:
    return KeyDelivered(end.stream.asking, tuple(map(key, numbers)))


def one(messages: list[Message], kind: type[Message]) -> Message:
    (found,) = [message for message in messages if isinstance(message, kind)]
    return found


def status_of(messages: list[Message]) -> StreamStatus:
    answer = one(messages, StreamAnswered)
    assert isinstance(answer, StreamAnswered)
    return answer.status


def word_of(messages: list[Message]) -> StreamWord:
    told = one(messages, TellPeer)
    assert isinstance(told, TellPeer)
    return told.word


# --- what every machine is held to ------------------------------------------------------------------------------------


@invariant("S4")
def test_the_table_is_total_and_has_exits() -> None:
    assert_table_is_total(STREAM_TABLE, MESSAGES, Stream)
    assert STREAM_TABLE.final == (Stage.OVER,)
    errors = (SessionRefused, SessionEnded, CloseStream, PeerTold)
    assert_every_state_has_exits(STREAM_TABLE, (StreamDue,), errors)


@pytest.mark.parametrize("stage", STAGES)
def test_a_timer_runs_in_every_state_that_is_not_final(stage: Stage) -> None:
    end = at(stage)
    assert end.stream.timer_at is not None
    assert end.stream.timer_at >= BEGIN
    end.wait(Duration(0))
    timers = [effect for effect in end.effects if isinstance(effect, StartTimer)]
    assert [timer.name for timer in timers] == [end.stream.handle]
    assert timers[0].after > 0  # nothing is due twice at one instant


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", MESSAGES)
def test_every_message_is_survived_in_every_state(stage: Stage, kind: type[Message]) -> None:
    end = at(stage)
    name = end.stream.handle
    messages: dict[type[Message], Message] = {
        SessionRegistered: SessionRegistered(name, KSID),
        SessionOpened: end.opened(is_first=True),
        SessionRefused: SessionRefused(name, Reason.NO_ROUTE, seconds(1)),
        SessionEnded: SessionEnded(KSID, Reason.INACTIVE),
        PeerTold: PeerTold(KSID, StreamWord(5, (KeyId("x"),), 7, 9, WANTED, is_closed=True, is_question=True)),
        GetChunk: GetChunk("g", FACE, end.sae, KSID, 0, 100),
        CloseStream: CloseStream("c", FACE, end.sae, KSID),
        KeyDelivered: KeyDelivered(f"{name}/99", (key(7),)),
        KeyRefused: KeyRefused(f"{name}/99", Reason.RATE_EXCEEDED, seconds(1)),
        StreamDue: StreamDue(name),
    }
    answers = end.tell(messages[kind])
    if kind in (GetChunk, CloseStream):
        got = [message for message in answers if isinstance(message, StreamAnswered | ChunkDelivered)]
        assert got or end.stream.waiters
    held = [each.key for stream in end.streams.streams.values() for each in stream.chunks.held.values()]
    assert not any(each.material.is_wiped for each in held)


@pytest.mark.parametrize("stage", STAGES)
def test_silence_ends_every_stream_or_its_time_does(stage: Stage) -> None:
    end = at(stage)
    for _ in range(200):
        if not end.streams.streams:
            return
        due = end.stream.timer_at
        assert due is not None
        end.wait(Duration(max(0, due - end.now)))
    raise AssertionError(f"{stage} is for ever")


def test_the_same_inputs_give_the_same_effects() -> None:
    def run() -> list[str]:
        end = first()
        said = [repr(end.effects)]
        for message in (GetChunk("g", FACE, ALICE, KSID, 3, 100), delivered(end, 0, 1, 2, 3), StreamDue("x")):
            end.tell(message)
            said.append(repr(end.effects))
        return said

    assert run() == run()


@invariant("S4")
def test_what_an_earlier_incarnation_left_behind_is_closed() -> None:
    end = End()
    for stray in (PeerTold(KSID, StreamWord()), SessionRegistered("stream/old", KSID)):
        assert end.tell(stray) == [CloseSession(KSID, ALICE)]
    assert not end.tell(SessionEnded(KSID, Reason.CLOSED))
    lost = KeyDelivered("stream/old/1", (key(1),))
    end.tell(lost)
    assert lost.keys[0].material.is_wiped


def test_collections_are_bounded() -> None:
    end = first()
    for _ in range(2 * MOST_WAITING):
        end.get()
    end.hear(wanted=2**32 - 1)
    for _ in range(3 * WINDOW // 32):
        end.tell(delivered(end, *range(32)) if end.stream.asking else StreamDue(end.stream.handle))
    chunks = end.stream.chunks
    kept: dict[str, Sized] = {
        "waiters": end.stream.waiters,
        "held": chunks.held,
        "untold": chunks.untold,
        "gone": chunks.gone,
    }
    assert_bounded(kept, WINDOW + 32)
    assert_bounded({"waiters": end.stream.waiters}, MOST_WAITING)
    many = End()
    answers = [many.tell(OpenStream(f"o{n}", FACE, ALICE, BOB, None, WANTED)) for n in range(MOST_STREAMS + 1)]
    assert status_of(answers[-1]) == StreamStatus.NO_CONNECTION
    assert_bounded({"streams": many.streams.streams}, MOST_STREAMS)


# --- opening ----------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "6")
def test_a_stream_is_a_session_that_pairs_with_no_other_kind() -> None:
    request = one(End().open(), OpenSession)
    assert isinstance(request, OpenSession)
    assert request.qos.is_stream
    assert request.ksid is None


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    ("reason", "retry_after", "status"),
    [
        (Reason.IN_USE, Duration(0), StreamStatus.IN_USE),
        (Reason.SLA_EXCEEDED, Duration(0), StreamStatus.QOS_NOT_MET),
        (Reason.SLA_EXCEEDED, seconds(10), StreamStatus.NO_CONNECTION),
        (Reason.NOT_ALLOWED, Duration(0), StreamStatus.NO_CONNECTION),
        (Reason.NO_ROUTE, seconds(1), StreamStatus.NO_CONNECTION),
        (Reason.PEER_NOT_CONNECTED, seconds(1), StreamStatus.TIMED_OUT),
    ],
)
def test_a_refusal_of_the_network_is_told_in_the_words_of_the_standard(
    reason: Reason, retry_after: Duration, status: StreamStatus
) -> None:
    end = End()
    end.open(KSID)
    answers = end.tell(SessionRefused(end.stream.handle, reason, retry_after))
    assert status_of(answers) == status
    assert not end.streams.streams


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(("timeout", "wait"), [(0, LONGEST_WAIT), (1_000, seconds(1)), (2**32 - 1, LONGEST_WAIT)])
def test_a_given_ksid_waits_for_the_peer_as_long_as_timeout_says(timeout: int, wait: Duration) -> None:
    end = End()
    end.open(KSID, StreamQos(timeout=timeout))
    assert not [
        each for each in end.tell(SessionRegistered(end.stream.handle, KSID)) if isinstance(each, StreamAnswered)
    ]
    assert not [each for each in end.wait(Duration(wait - 1)) if isinstance(each, StreamAnswered)]
    assert status_of(end.wait(Duration(1))) == StreamStatus.PEER_NOT_CONNECTED
    assert end.stream.state is Stage.WAITING


@clause(DOCUMENT, "Table 2")
def test_a_network_that_says_nothing_is_a_time_out() -> None:
    end = End()
    end.open(KSID)
    assert status_of(end.wait(seconds(1))) == StreamStatus.TIMED_OUT
    assert not end.streams.streams


def test_a_key_manager_that_falls_silent_ends_the_stream() -> None:
    end = first()
    for _ in range(MOST_UNANSWERED + 1):
        assert end.stream.state is Stage.OPEN
        due = end.stream.repeat_at
        end.wait(Duration(due - end.now))
        if not end.streams.streams:
            return
    raise AssertionError("it waits for ever")


@clause(DOCUMENT, "Table 2")
def test_the_second_end_waits_for_what_the_first_was_granted() -> None:
    end = End(BOB, ALICE)
    end.open(KSID, msgspec.structs.replace(WANTED, timeout=5_000))
    assert word_of(end.tell(end.opened(is_first=False))).is_question
    assert word_of(end.wait(WORD_REPEAT)).is_question
    granted = msgspec.structs.replace(WANTED, key_chunk_size=32, ttl=7)
    answer = one(end.hear(qos=msgspec.to_builtins(granted)), StreamAnswered)
    assert isinstance(answer, StreamAnswered)
    assert (answer.status, answer.qos) == (StreamStatus.SUCCESS, granted)


# --- chunks -----------------------------------------------------------------------------------------------------------


def test_the_first_end_takes_keys_numbers_them_and_says_so_until_it_is_heard() -> None:
    end = first()
    asked = one(end.get(1), GetKey)
    assert isinstance(asked, GetKey)
    assert (asked.number, asked.size) == (2, None)
    answers = end.tell(delivered(end, 10, 11))
    chunk = one(answers, ChunkDelivered)
    assert isinstance(chunk, ChunkDelivered)
    assert (chunk.index, chunk.key.key_id) == (1, "key-11")
    assert word_of(answers).key_ids == ("key-10", "key-11")
    assert word_of(end.wait(WORD_REPEAT)).key_ids == ("key-10", "key-11")
    end.hear(heard=1)
    word = word_of(end.wait(WORD_REPEAT))
    assert (word.first, word.key_ids) == (1, ("key-11",))
    end.hear(heard=2)
    assert not [each for each in end.wait(WORD_REPEAT) if isinstance(each, TellPeer)]


@invariant("K2")
def test_the_second_end_learns_in_order_whatever_is_doubled_or_overtaken() -> None:
    end = joined()
    words = [(2, ["c"]), (0, ["a", "b"]), (0, ["a", "b"]), (1, ["b", "c", "d"])]
    for number, key_ids in words:
        end.hear(first=number, key_ids=key_ids)
    assert {index: named.key_id for index, named in end.stream.chunks.named.items()} == dict(enumerate("abcd"))
    fetch = one(end.get(2), GetKeyById)
    assert isinstance(fetch, GetKeyById)
    assert fetch.key_ids == ("c",)
    chunk = one(end.tell(KeyDelivered(fetch.request_id, (key(3),))), ChunkDelivered)
    assert isinstance(chunk, ChunkDelivered)
    assert chunk.index == 2


def test_the_second_end_says_what_it_lacks_and_gets_it() -> None:
    end = joined()
    word = word_of(end.get(4))
    assert (word.wanted, word.heard, word.is_question) == (5, 0, True)
    other = first()
    asked = one(other.hear(wanted=5, is_question=True), GetKey)
    assert isinstance(asked, GetKey)
    assert asked.number == 5


@clause(DOCUMENT, "Table 2")
@invariant("K9")
def test_too_little_room_leaves_the_chunk_where_it_is() -> None:
    end = first()
    end.get(0, room=3)
    answers = end.tell(delivered(end, 1))
    assert status_of(answers) == StreamStatus.METADATA_TOO_SMALL
    assert 0 in end.stream.chunks.held
    assert isinstance(one(end.get(0, room=200), ChunkDelivered), ChunkDelivered)


@clause(DOCUMENT, "Table 2")
def test_want_of_key_and_want_of_time_are_told_apart() -> None:
    for reason, status in ((Reason.RATE_EXCEEDED, StreamStatus.INSUFFICIENT_KEY), (None, StreamStatus.TIMED_OUT)):
        end = first()
        end.get()
        if reason is not None:
            end.tell(KeyRefused(end.stream.asking, reason, seconds(30)))
        assert status_of(end.wait(seconds(1))) == status


@invariant("K5")
def test_no_key_is_left_when_a_stream_is_closed_or_over() -> None:
    for close in (End.close, lambda end: end.wait(minutes(2))):
        end = first()
        end.get(3)
        end.tell(delivered(end, 0, 1, 2, 3))
        held = [each.key for each in end.stream.chunks.held.values()]
        assert len(held) == 3
        close(end)
        assert all(each.material.is_wiped for each in held)


@clause(DOCUMENT, "6")
def test_what_is_past_its_time_is_fetched_and_wiped_at_the_second_end() -> None:
    end = joined()
    end.hear(first=0, key_ids=["a", "b"])
    fetch = one(end.wait(seconds(61)), GetKeyById)
    assert isinstance(fetch, GetKeyById)
    assert fetch.key_ids == ("a", "b")
    lost = KeyDelivered(fetch.request_id, (key(1), key(2)))
    assert not [each for each in end.tell(lost) if isinstance(each, ChunkDelivered)]
    assert all(each.material.is_wiped for each in lost.keys)
    assert status_of(end.get(0)) == StreamStatus.INSUFFICIENT_KEY


@clause(DOCUMENT, "6")
def test_the_last_to_close_ends_the_session() -> None:
    end = first()
    answers = end.close()
    assert not [each for each in answers if isinstance(each, CloseSession)]
    assert word_of(answers).is_closed
    assert one(end.hear(is_closed=True), CloseSession) == CloseSession(KSID, ALICE)
    other = first()
    other.hear(is_closed=True)
    assert one(other.close(), CloseSession) == CloseSession(KSID, ALICE)
