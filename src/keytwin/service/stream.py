"""One key stream at one of its ends: the machine behind OPEN_CONNECT, GET_KEY and CLOSE of ETSI GS QKD 004 V2.1.1.

The end that registered first is master: it takes keys of the session's pool and numbers them in that order. It tells
the other end, by `StreamWord`, which key is which chunk; that end has them from its own key manager by key ID. So both
may ask in any order, and for chunks that the other has not asked for. Nothing is saved: a stream ends with the process
of its node, the other end is told, and what is asked of it afterwards is answered as of no stream at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from keytwin.service.stream_chunks import Held
from keytwin.service.stream_qos import as_opened, patience
from keytwin.service.stream_steps import (
    AGAIN,
    JOINING,
    MOST_AHEAD,
    StreamState,
    Waiter,
    drop,
    fetch,
    has_news,
    leave,
    lose,
    objection,
    refuse_waiter,
    repeat,
    say,
    serve,
    set_timer,
)
from keytwin.service.stream_table import STREAM_TABLE, Stage, StreamDue
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.session_messages import (
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.stream_messages import (
    CloseStream,
    GetChunk,
    PeerTold,
    StreamAnswered,
    StreamStatus,
)
from keytwin.vocabulary.units import Instant, after


@dataclass(slots=True)
class Stream(StreamState):
    """One end, as a machine."""

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
        if not has_news(self):
            self.word_at = None
        return [*effects, *(say(self, now) if word.is_question else [])]

    # --- chunks -------------------------------------------------------------------------------------------------

    def on_get_chunk(self, ask: GetChunk, now: Instant) -> list[Effect]:
        """Deliver a chunk now, or let the request wait for it."""
        asked = {waiter.index for waiter in self.waiters.values()}
        index = self.chunks.lowest(asked) if ask.index is None else ask.index
        fault = objection(self, index, asked)
        if fault:
            detail = Send(ask.reply_to, StreamAnswered(ask.request_id, StreamStatus.INSUFFICIENT_KEY, detail=fault))
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
