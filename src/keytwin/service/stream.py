"""One key stream at one of its ends: the machine behind OPEN_CONNECT, GET_KEY and CLOSE of ETSI GS QKD 004 V2.1.1.

The end that registered first is master: it takes keys of the session's pool and numbers them in that order. It tells
the other end, by `StreamWord`, which key is which chunk; that end has them from its own key manager by key ID. So both
may ask in any order, and for chunks that the other has not asked for. Nothing is saved: a stream ends with the process
of its node, the other end is told, and what is asked of it afterwards is answered as of no stream at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from keytwin.service.app_session import OPEN_REPEAT
from keytwin.service.stream_chunks import Chunks, Held
from keytwin.service.stream_metadata import metadata_of
from keytwin.service.stream_qos import Level, as_opened, of_session, patience
from keytwin.service.stream_table import STREAM_TABLE, Stage, StreamDue
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, SaeId, sae_element
from keytwin.vocabulary.machine import Effect, Message, RequestId, Send, StartTimer, StopTimer
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
class Stream:
    """One end. `qos` is what was granted: at last that of the first registration."""

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

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the next step."""
        return [*STREAM_TABLE.step(self, message, now), *set_timer(self, now)]

    def refuse(self, ask: GetChunk | CloseStream, because: str) -> list[Effect]:
        """Answer what this state does not serve."""
        return [Send(ask.reply_to, StreamAnswered(ask.request_id, StreamStatus.NO_PEER, detail=because))]

    # --- the session --------------------------------------------------------------------------------------------

    def on_session_registered(self, message: SessionRegistered, now: Instant) -> list[Effect]:
        """Learn the KSID; the peer is not there yet, or about to be joined."""
        is_news = self.state is Stage.OPENING
        self.state, self.ksid, self.unanswered = Stage.WAITING, message.ksid, 0
        if is_news and self.opening.ksid is None:
            self.open_until = after(now, JOINING)
        return []

    def on_session_opened(self, message: SessionOpened, now: Instant) -> list[Effect]:
        """Both ends are there; the second one waits to hear from the first what was granted."""
        if self.state is Stage.OPEN:
            self.unanswered = 0
            return []
        self.ksid, self.unanswered, self.is_first = message.ksid, 0, message.is_first
        self.qos = as_opened(self.qos, message.key_size, message.rate)
        self.at_once = max(1, min(MOST_AHEAD, message.burst // message.key_size // 2))
        if self.is_first and self.is_unmet:
            return [*self.answer(StreamStatus.QOS_NOT_MET), *leave(self)]
        self.state = Stage.OPEN if message.is_first else Stage.MEETING
        return [*(self.answer(StreamStatus.SUCCESS) if self.is_first else []), *say(self, now)]

    def on_session_refused(self, message: SessionRefused, now: Instant) -> list[Effect]:
        """There will be no stream, or no more of it."""
        if self.state in (Stage.MEETING, Stage.OPEN, Stage.CLOSED):
            return lose(self, now)
        self.state = Stage.OVER
        return self.answer(_status_of(message), message.reason.value)

    def on_session_ended(self, message: SessionEnded, now: Instant) -> list[Effect]:
        """Go on with what is held here, if anything is."""
        if self.state in (Stage.OPENING, Stage.WAITING):
            self.state = Stage.OVER
            return self.answer(StreamStatus.TIMED_OUT, message.reason.value)
        return lose(self, now)

    def on_peer_told(self, message: PeerTold, now: Instant) -> list[Effect]:
        """Hear how far the other end is."""
        word, effects = message.word, list[Effect]()
        if self.state is Stage.MEETING and word.qos is not None:
            self.qos, self.state = word.qos, Stage.OPEN
            effects += self.answer(StreamStatus.SUCCESS)
        self.peer_closed = self.peer_closed or word.is_closed
        self.peer_knows_closed = self.peer_knows_closed or word.knows_closed
        if self.is_first:
            self.chunks.heard(word.heard)
            self.peer_wanted = max(self.peer_wanted, word.wanted)
        elif self.state is Stage.OPEN:
            self.is_scarce = word.is_scarce
            self.chunks.learn(word.first, word.key_ids, now)
        if self.state is Stage.CLOSED and self.peer_closed:
            return [*effects, *leave(self)]
        effects += serve(self, now)
        return [*effects, *(say(self, now) if word.is_question else [])]

    # --- chunks -------------------------------------------------------------------------------------------------

    def on_get_chunk(self, ask: GetChunk, now: Instant) -> list[Effect]:
        """Deliver a chunk now, or let the request wait for it."""
        asked = {waiter.index for waiter in self.waiters.values()}
        index = self.chunks.lowest(asked) if ask.index is None else ask.index
        objection = self._objection(index, asked)
        if objection:
            detail = Send(ask.reply_to, StreamAnswered(ask.request_id, StreamStatus.INSUFFICIENT_KEY, detail=objection))
            return [detail, *(self._over() if self.state is Stage.ENDED and not self.chunks.held else [])]
        self.waiters[ask.request_id] = Waiter(ask, index, after(now, patience(self.qos)))
        effects = serve(self, now)
        return [*effects, *(self._over() if self.state is Stage.ENDED and not self.chunks.held else [])]

    def on_key_delivered(self, message: KeyDelivered, now: Instant) -> list[Effect]:
        """Number what the master got, hold what the other end fetched; wipe what nobody wants any more."""
        is_fetched = message.request_id in self.fetching
        fetched = self.fetching.pop(message.request_id, None)
        self.unanswered, self.is_scarce = 0, False
        if message.request_id == self.asking:
            self.asking = ""
        if self.state not in (Stage.OPEN, Stage.ENDED) or (is_fetched and fetched is None):
            for key in message.keys:
                key.material.wipe()
            return []
        if fetched is not None:
            self.chunks.held[fetched.number] = Held(message.keys[0], fetched.since)
            return serve(self, now)
        # Late or not, these keys are nobody else's: they are the next chunks, whatever they were asked for.
        self.chunks.number(message.keys, now)
        return [*serve(self, now), *say(self, now)]

    def on_key_refused(self, message: KeyRefused, now: Instant) -> list[Effect]:
        """Ask again after a while, or give up a chunk that the key manager does not have."""
        if message.request_id in self.fetching:
            fetched = self.fetching.pop(message.request_id)
            if fetched is None:
                return []
            self.chunks.lose(fetched.number)
            gone = [name for name, waiter in self.waiters.items() if waiter.index == fetched.number]
            return [effect for name in gone for effect in refuse_waiter(self, name, message.reason.value)]
        if message.request_id == self.asking:
            self.asking, self.is_scarce = "", True
            self.ask_at = after(now, max(AGAIN, message.retry_after))
            return say(self, now) if self.peer_wanted > self.chunks.next else []
        return []

    # --- the end ------------------------------------------------------------------------------------------------

    def on_close_stream(self, ask: CloseStream, now: Instant) -> list[Effect]:
        """Number no more; what the other end may still have stays with its key manager."""
        closed = Send(ask.reply_to, StreamAnswered(ask.request_id, StreamStatus.SUCCESS))
        effects: list[Effect] = [*self.answer(StreamStatus.NO_CONNECTION, "closed meanwhile"), *drop(self), closed]
        is_alone = self.state in (Stage.OPENING, Stage.WAITING, Stage.ENDED)
        if is_alone or self.peer_closed:
            return [*effects, *leave(self)]
        self.state, self.linger_until = Stage.CLOSED, after(now, self.ttl)
        return [*effects, *say(self, now)]

    def on_stream_due(self, message: StreamDue, now: Instant) -> list[Effect]:
        """See to whatever is due."""
        del message
        self.timer_at = None
        if self.state is Stage.CLOSED and now >= self.linger_until:
            return leave(self)
        effects = [*self._answer_late(now), *repeat(self, now)]
        if self.state is Stage.OVER:
            return effects
        for name in [name for name, waiter in self.waiters.items() if waiter.until <= now]:
            effects += refuse_waiter(self, name, "")
        left = self.chunks.expire(Instant(now - self.ttl))
        effects += fetch(self, None, tuple(left)) if left else []
        if self.state is Stage.ENDED and not self.chunks.held:
            return [*effects, *self._over()]
        effects += serve(self, now)
        return [*effects, *(say(self, now) if self.word_at is not None and self.word_at <= now else [])]

    # --- how ----------------------------------------------------------------------------------------------------

    def answer(self, status: StreamStatus, detail: str = "") -> list[Effect]:
        """Answer OPEN_CONNECT, unless that was done."""
        if self.is_answered:
            return []
        self.is_answered = True
        is_open = status in (StreamStatus.SUCCESS, StreamStatus.PEER_NOT_CONNECTED, StreamStatus.QOS_NOT_MET)
        ksid, qos = (self.ksid, self.qos) if is_open else (None, None)
        answered = StreamAnswered(self.opening.request_id, status, ksid, qos, detail=detail)
        return [Send(self.opening.reply_to, answered)]

    def _answer_late(self, now: Instant) -> list[Effect]:
        if self.is_answered or now < self.open_until:
            return []
        if self.state is Stage.OPENING:
            return [*self.answer(StreamStatus.TIMED_OUT, "the network did not answer"), *leave(self)]
        if self.is_unmet:
            return [*self.answer(StreamStatus.QOS_NOT_MET), *leave(self)]
        return self.answer(StreamStatus.PEER_NOT_CONNECTED)

    def _over(self) -> list[Effect]:
        self.state = Stage.OVER
        return drop(self)

    def _objection(self, index: int, asked: set[int]) -> str:
        chunks = self.chunks
        if len(self.waiters) >= MOST_WAITING:
            return "too many calls wait"
        if chunks.is_gone(index):
            return "the chunk was delivered, or its time is over"
        if index in asked:
            return "the chunk is being asked for already"
        if index >= chunks.limit:
            return "the index is too far ahead"
        is_there = index in chunks.held or (index in chunks.named and self.state is Stage.OPEN)
        is_final = self.state is Stage.ENDED or self.peer_closed
        return "the stream has no more chunks" if is_final and not is_there else ""


# --- what several transitions do ----------------------------------------------------------------------------------


def begin(stream: Stream, now: Instant) -> list[Effect]:
    """Ask for the session."""
    return [*ask_session(stream, now), *set_timer(stream, now)]


def ask_session(stream: Stream, now: Instant) -> list[Effect]:
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


def repeat(stream: Stream, now: Instant) -> list[Effect]:
    """Ask again for the session, or whether it is still there; silence for long is its end."""
    if stream.state in (Stage.CLOSED, Stage.ENDED, Stage.OVER) or now < stream.repeat_at:
        return []
    if stream.unanswered >= MOST_UNANSWERED:
        return [*stream.answer(StreamStatus.NO_CONNECTION, "the network does not answer"), *leave(stream)]
    return ask_session(stream, now)


def serve(stream: Stream, now: Instant) -> list[Effect]:
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
        return [*effects, *(say(stream, now) if stream.word_at is None else [])]
    return [*effects, *take_keys(stream, wanted - stream.chunks.next, now)]


def wanted_of(stream: Stream) -> int:
    """Return below which number all chunks are wanted here, at the first end by the second one, too."""
    here = max((waiter.index + 1 for waiter in stream.waiters.values()), default=0)
    return min(max(here, stream.peer_wanted), stream.chunks.limit)


def take_keys(stream: Stream, missing: int, now: Instant) -> list[Effect]:
    """Ask the key manager for the next keys; a stream that is busy, for some more than are wanted yet."""
    is_under_way = stream.asking and now < stream.asking_until
    if is_under_way or now < stream.ask_at:
        return []
    assert stream.ksid
    ahead = 0 if stream.is_scarce else min(stream.chunks.next, stream.chunks.limit - stream.chunks.next)
    number = min(stream.at_once, max(missing, ahead))
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


def fetch(stream: Stream, chunk: Fetch | None, key_ids: tuple[KeyId, ...]) -> list[Effect]:
    """Have a chunk from the key manager; None: keys that are to be wiped."""
    request_id = new_request(stream)
    stream.fetching[request_id] = chunk
    return [Send(stream.km, GetKeyById(request_id, sae_element(stream.sae), stream.sae, key_ids))]


def deliver(stream: Stream, waiter: Waiter, now: Instant) -> list[Effect]:
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


def refuse_waiter(stream: Stream, name: RequestId, detail: str) -> list[Effect]:
    """Answer that the chunk does not come: for want of key, or because the time is over."""
    ask = stream.waiters.pop(name).ask
    status = StreamStatus.INSUFFICIENT_KEY if detail or stream.is_scarce else StreamStatus.TIMED_OUT
    return [Send(ask.reply_to, StreamAnswered(ask.request_id, status, detail=detail or "no key in time"))]


def say(stream: Stream, now: Instant) -> list[Effect]:
    """Tell the other end how far this one is, and again until it has heard."""
    chunks, is_first = stream.chunks, stream.is_first
    if stream.ksid is None or stream.state in (Stage.ENDED, Stage.OVER):
        return []
    is_closed = stream.state is Stage.CLOSED
    wanted = 0 if is_first or is_closed else wanted_of(stream)
    is_lacking = not is_first and wanted > chunks.next and not stream.peer_closed
    is_unheard = bool(chunks.untold) or is_lacking or (is_closed and not stream.peer_knows_closed)
    is_question = is_unheard or stream.state is Stage.MEETING
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


def lose(stream: Stream, now: Instant) -> list[Effect]:
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


def leave(stream: Stream) -> list[Effect]:
    """End this end, and with it the session."""
    stream.state = Stage.OVER
    closing: list[Effect] = [Send(stream.km, CloseSession(stream.ksid, stream.sae))] if stream.ksid else []
    return [*drop(stream), *closing]


def drop(stream: Stream) -> list[Effect]:
    """Wipe what is held here, and answer who waits."""
    stream.chunks.wipe()
    effects: list[Effect] = []
    for name in list(stream.waiters):
        effects += refuse_waiter(stream, name, "the stream was closed")
    return effects


def set_timer(stream: Stream, now: Instant) -> list[Effect]:
    """Wake up when the next thing is due."""
    if stream.state is Stage.OVER:
        return [StopTimer(_timer(stream))]
    due = next_due(stream)
    if stream.timer_at is not None and stream.timer_at <= due:
        return []  # it wakes up in time, and looks again then
    stream.timer_at = due
    return [StartTimer(_timer(stream), Duration(max(0, due - now)), StreamDue(stream.handle))]


def next_due(stream: Stream) -> Instant:
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


def new_request(stream: Stream) -> RequestId:
    """Return an identifier that begins with the stream's own."""
    stream.questions += 1
    return f"{stream.handle}/{stream.questions}"


def _status_of(refusal: SessionRefused) -> StreamStatus:
    match refusal.reason:
        case Reason.IN_USE:
            return StreamStatus.IN_USE
        case Reason.SLA_EXCEEDED | Reason.TOO_LARGE if not refusal.retry_after:
            return StreamStatus.QOS_NOT_MET
        case Reason.PEER_NOT_CONNECTED | Reason.TIMED_OUT:
            return StreamStatus.TIMED_OUT
        case _:
            return StreamStatus.NO_CONNECTION


def _timer(stream: Stream) -> str:
    return stream.handle
