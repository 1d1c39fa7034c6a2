"""What a key stream knows at one of its ends, and the steps that several of its transitions take."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from keytwin.service.app_session import OPEN_REPEAT
from keytwin.service.stream_chunks import WINDOW, Chunks
from keytwin.service.stream_metadata import metadata_of
from keytwin.service.stream_qos import Level, of_session, patience
from keytwin.service.stream_table import Stage, StreamDue
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, SaeId, sae_element
from keytwin.vocabulary.machine import Effect, RequestId, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import (
    CloseSession,
    OpenSession,
)
from keytwin.vocabulary.stream_messages import (
    ChunkDelivered,
    GetChunk,
    OpenStream,
    StreamAnswered,
    StreamQos,
    StreamStatus,
    StreamWord,
    TellPeer,
)
from keytwin.vocabulary.units import START, Duration, Instant, after, milliseconds, seconds

JOINING: Final = milliseconds(250)  # that an open without KSID waits, in case it joins one that is there
WORD_REPEAT: Final = seconds(1)
AGAIN: Final = milliseconds(200)  # between two questions for keys, at least
GRACE: Final = seconds(5)  # no answer even then: the key manager has died
MOST_UNANSWERED: Final = 3
MOST_WAITING: Final = 64  # GET_KEYs of one stream at once
MOST_AHEAD: Final = 32  # chunks that a busy stream takes before they are asked for


@dataclass(slots=True)
class Waiter:
    """A GET_KEY that waits for its chunk."""

    ask: GetChunk
    index: int
    until: Instant


class Fetch(NamedTuple):
    """A chunk that comes from the key manager."""

    number: int
    since: Instant


@dataclass(slots=True)
class StreamState:
    """What is known of a stream at one end. `qos` is what was granted: at last that of the first registration."""

    handle: str
    app: AppId
    km: ElementName
    level: Level
    opening: OpenStream
    qos: StreamQos
    ksid: Ksid | None
    open_until: Instant
    state: StrEnum = Stage.OPENING
    is_answered: bool = False
    is_unmet: bool = False  # good only as the second end, which gets what the first was granted
    is_first: bool = False
    chunks: Chunks = field(default_factory=Chunks)
    waiters: dict[RequestId, Waiter] = field(default_factory=dict)
    fetching: dict[RequestId, Fetch | None] = field(default_factory=dict)  # None = to be wiped
    asking: RequestId = ""  # the master's question that is under way
    asking_until: Instant = START
    ask_at: Instant = START  # no further question before
    at_once: int = 1  # chunks that one question may be for
    is_scarce: bool = False  # the last question got no key
    peer_wanted: int = 0
    told_wanted: int = 0  # what the other end was last told that is wanted here
    peer_closed: bool = False
    peer_knows_closed: bool = False
    word_at: Instant | None = None
    repeat_at: Instant = START
    unanswered: int = 0
    linger_until: Instant = START
    timer_at: Instant | None = None
    questions: int = 0

    @property
    def sae(self) -> SaeId:
        """Whose end this is."""
        return self.opening.sae

    @property
    def ttl(self) -> Duration:
        """How long a chunk is kept."""
        return seconds(self.qos.ttl)

    def answer(self, status: StreamStatus, detail: str = "") -> list[Effect]:
        """Answer OPEN_CONNECT, unless that was done."""
        if self.is_answered:
            return []
        self.is_answered = True
        is_open = status in (StreamStatus.SUCCESS, StreamStatus.PEER_NOT_CONNECTED, StreamStatus.QOS_NOT_MET)
        ksid, qos = (self.ksid, self.qos) if is_open else (None, None)
        answered = StreamAnswered(self.opening.request_id, status, ksid, qos, detail=detail)
        return [Send(self.opening.reply_to, answered)]


def objection(stream: StreamState, index: int, asked: set[int]) -> str:
    """Return why a chunk is not to be had, empty = it may be."""
    chunks = stream.chunks
    if len(stream.waiters) >= MOST_WAITING:
        return "too many calls wait"
    if chunks.is_gone(index):
        return "the chunk was delivered, or its time is over"
    if index in asked:
        return "the chunk is being asked for already"
    if index >= chunks.limit:
        return "the index is too far ahead"
    is_there = index in chunks.held or (index in chunks.named and stream.state is Stage.OPEN)
    is_final = stream.state is Stage.ENDED or stream.peer_closed
    return "the stream has no more chunks" if is_final and not is_there else ""


def begin(stream: StreamState, now: Instant) -> list[Effect]:
    """Ask for the session."""
    return [*ask_session(stream, now), *set_timer(stream, now)]


def ask_session(stream: StreamState, now: Instant) -> list[Effect]:
    """Ask the key manager for the session, or whether it is still there."""
    stream.unanswered += 1
    stream.repeat_at = after(now, OPEN_REPEAT)
    opening = stream.opening
    request = OpenSession(
        request_id=stream.handle,
        reply_to=sae_element(opening.sae),
        app=stream.app,
        sae=opening.sae,
        peer=opening.peer,
        ksid=stream.ksid,
        qos=of_session(stream.qos, stream.level),
    )
    return [Send(stream.km, request)]


def repeat(stream: StreamState, now: Instant) -> list[Effect]:
    """Ask again for the session, or whether it is still there; silence for long is its end."""
    if stream.state in (Stage.CLOSED, Stage.ENDED, Stage.OVER) or now < stream.repeat_at:
        return []
    if stream.unanswered >= MOST_UNANSWERED:
        return [*stream.answer(StreamStatus.NO_CONNECTION, "the network does not answer"), *leave(stream)]
    return ask_session(stream, now)


def serve(stream: StreamState, now: Instant) -> list[Effect]:
    """Deliver what is held to who waits for it, fetch what is named, and ask for what is neither."""
    effects: list[Effect] = []
    for waiter in list(stream.waiters.values()):
        if waiter.index in stream.chunks.held:
            effects += deliver(stream, waiter, now)
        elif waiter.index in stream.chunks.named:
            named = stream.chunks.named.pop(waiter.index)
            effects += fetch(stream, Fetch(waiter.index, named.since), (named.key_id,))
    if stream.state is not Stage.OPEN or stream.peer_closed:
        return effects
    wanted = wanted_of(stream)
    if wanted <= stream.chunks.next:
        return effects
    if not stream.is_first:
        return [*effects, *(say(stream, now) if wanted > stream.told_wanted else [])]
    return [*effects, *take_keys(stream, wanted - stream.chunks.next, now)]


def wanted_of(stream: StreamState) -> int:
    """Return below which number all chunks are wanted here, at the first end by the second one, too."""
    here = max((waiter.index + 1 for waiter in stream.waiters.values()), default=0)
    return min(max(here, stream.peer_wanted), stream.chunks.limit)


def take_keys(stream: StreamState, missing: int, now: Instant) -> list[Effect]:
    """Ask the key manager for the next keys; a stream that is busy, for some more than are wanted yet."""
    is_under_way = stream.asking and now < stream.asking_until
    if is_under_way or now < stream.ask_at:
        return []
    assert stream.ksid
    ahead = 0 if stream.is_scarce else min(stream.chunks.next, stream.chunks.limit - stream.chunks.next)
    number = min(stream.at_once, max(missing, ahead))
    if len(stream.chunks.untold) + number > WINDOW:  # the other end does not hear, or is too far behind
        stream.ask_at = after(now, WORD_REPEAT)
        return []
    stream.asking, stream.ask_at = new_request(stream), now
    stream.asking_until = after(now, patience(stream.qos) + GRACE)
    ask = GetKey(
        request_id=stream.asking,
        reply_to=sae_element(stream.sae),
        ksid=stream.ksid,
        sae=stream.sae,
        number=number,
        size=None,
        timeout=patience(stream.qos),
    )
    return [Send(stream.km, ask)]


def fetch(stream: StreamState, chunk: Fetch | None, key_ids: tuple[KeyId, ...]) -> list[Effect]:
    """Have a chunk from the key manager; None: keys that are to be wiped."""
    request_id = new_request(stream)
    stream.fetching[request_id] = chunk
    return [Send(stream.km, GetKeyById(request_id, sae_element(stream.sae), stream.sae, key_ids))]


def deliver(stream: StreamState, waiter: Waiter, now: Instant) -> list[Effect]:
    """Hand a chunk out; where the caller has too little room for the metadata it stays, and the answer says so."""
    ask = waiter.ask
    del stream.waiters[ask.request_id]
    held = stream.chunks.held[waiter.index]
    has_metadata = bool(stream.qos.metadata_mimetype)
    metadata = metadata_of(held.key.provenance, Duration(now - held.since)) if has_metadata else b""
    if len(metadata) > ask.room:
        answer = StreamAnswered(ask.request_id, StreamStatus.METADATA_TOO_SMALL, needed=len(metadata))
        return [Send(ask.reply_to, answer)]
    key = stream.chunks.take(waiter.index).key
    return [Send(ask.reply_to, ChunkDelivered(ask.request_id, waiter.index, key, metadata))]


def refuse_waiter(stream: StreamState, name: RequestId, detail: str) -> list[Effect]:
    """Answer that the chunk does not come: for want of key, or because the time is over."""
    ask = stream.waiters.pop(name).ask
    status = StreamStatus.INSUFFICIENT_KEY if detail or stream.is_scarce else StreamStatus.TIMED_OUT
    return [Send(ask.reply_to, StreamAnswered(ask.request_id, status, detail=detail or "no key in time"))]


def say(stream: StreamState, now: Instant) -> list[Effect]:
    """Tell the other end how far this one is, and again until it has heard."""
    chunks, is_first = stream.chunks, stream.is_first
    if stream.ksid is None or stream.state in (Stage.ENDED, Stage.OVER):
        return []
    is_closed = stream.state is Stage.CLOSED
    wanted = stream.told_wanted = 0 if is_first or is_closed else wanted_of(stream)
    is_question = has_news(stream)
    stream.word_at = after(now, WORD_REPEAT) if is_question else None
    word = StreamWord(
        first=next(iter(chunks.untold), chunks.next),
        key_ids=tuple(chunks.untold.values()),
        heard=0 if is_first else chunks.next,
        wanted=wanted,
        qos=stream.qos if is_first else None,
        is_scarce=stream.is_scarce,
        is_closed=is_closed,
        knows_closed=stream.peer_closed,
        is_question=is_question,
    )
    return [Send(stream.km, TellPeer(stream.ksid, stream.sae, word))]


def has_news(stream: StreamState) -> bool:
    """Whether the other end may not have heard something yet, or has not answered."""
    chunks = stream.chunks
    match stream.state:
        case Stage.MEETING:
            return True
        case Stage.OPEN if not stream.is_first:
            return not stream.peer_closed and wanted_of(stream) > chunks.next
        case Stage.OPEN:
            return bool(chunks.untold)
        case _:
            return bool(chunks.untold) or not stream.peer_knows_closed


def lose(stream: StreamState, now: Instant) -> list[Effect]:
    """Go on without the session, with what is held; or end."""
    effects = stream.answer(StreamStatus.NO_CONNECTION, "the session is over")
    if stream.state is Stage.CLOSED or not stream.chunks.held:
        stream.state = Stage.OVER
        return [*effects, *drop(stream)]
    stream.state, stream.word_at = Stage.ENDED, None
    for index in list(stream.chunks.named):
        del stream.chunks.named[index]
        stream.chunks.lose(index)
    waiting = [name for name, waiter in stream.waiters.items() if waiter.index not in stream.chunks.held]
    for name in waiting:
        effects += refuse_waiter(stream, name, "the session is over")
    return [*effects, *serve(stream, now)]


def leave(stream: StreamState) -> list[Effect]:
    """End this end, and with it the session."""
    stream.state = Stage.OVER
    closing: list[Effect] = [Send(stream.km, CloseSession(stream.ksid, stream.sae))] if stream.ksid else []
    return [*drop(stream), *closing]


def drop(stream: StreamState) -> list[Effect]:
    """Wipe what is held here, and answer who waits."""
    stream.chunks.wipe()
    effects: list[Effect] = []
    for name in list(stream.waiters):
        effects += refuse_waiter(stream, name, "the stream was closed")
    return effects


def set_timer(stream: StreamState, now: Instant) -> list[Effect]:
    """Wake up when the next thing is due."""
    if stream.state is Stage.OVER:
        return [StopTimer(_timer(stream))]
    due = next_due(stream)
    if stream.timer_at is not None and stream.timer_at <= due:
        return []  # it wakes up in time, and looks again then
    stream.timer_at = due
    return [StartTimer(_timer(stream), Duration(max(0, due - now)), StreamDue(stream.handle))]


def next_due(stream: StreamState) -> Instant:
    """Return when the next thing is due; something always is."""
    dues = [waiter.until for waiter in stream.waiters.values()]
    expiry = stream.chunks.expiry(stream.ttl)
    dues += [each for each in (stream.word_at, expiry) if each is not None]
    if not stream.is_answered:
        dues.append(stream.open_until)
    if stream.state is Stage.CLOSED:
        dues.append(stream.linger_until)
    elif stream.state is not Stage.ENDED:  # there something is held, and expires
        dues.append(stream.repeat_at)
    if stream.state is Stage.OPEN and stream.is_first and wanted_of(stream) > stream.chunks.next:
        dues.append(max(stream.ask_at, stream.asking_until) if stream.asking else stream.ask_at)
    return min(dues)


def new_request(stream: StreamState) -> RequestId:
    """Return an identifier that begins with the stream's own."""
    stream.questions += 1
    return f"{stream.handle}/{stream.questions}"


def _timer(stream: StreamState) -> str:
    return stream.handle
