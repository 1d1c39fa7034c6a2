"""All key streams of one SAE: who opens which, and whose business a message is. ETSI GS QKD 004 V2.1.1 clause 6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from keytwin.service.conversation import discard
from keytwin.service.stream import Stream
from keytwin.service.stream_qos import Level, granted, is_met, patience
from keytwin.service.stream_steps import JOINING, begin
from keytwin.service.stream_table import Stage, StreamDue
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, SaeId
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.session_messages import (
    CloseSession,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.stream_messages import (
    CloseStream,
    GetChunk,
    OpenStream,
    PeerTold,
    StreamAnswered,
    StreamStatus,
)
from keytwin.vocabulary.units import START, Instant, after

MOST_STREAMS: Final = 256  # of one SAE
PREFIX: Final = "stream/"

Opening: TypeAlias = SessionRegistered | SessionOpened | SessionRefused
UNKNOWN: Final = "no such stream of yours"
NOTHING_IN_COMMON: Final = "the two ends have no app in common"


@dataclass(frozen=True, slots=True)
class Partner:
    """With whom an SAE has an app in common, and what the app's service level allows."""

    app: AppId
    level: Level


@dataclass(slots=True)
class Streams:
    """The streams of an SAE, by their handles; those that have a KSID by that, too."""

    sae: SaeId
    km: ElementName
    partners: Mapping[SaeId, Partner]
    began: Instant = START
    opened: int = 0
    streams: dict[str, Stream] = field(default_factory=dict)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """React, or let the stream that is meant react."""
        match message:
            case OpenStream():
                return self._open(message, now)
            case GetChunk() | CloseStream():
                stream = self.of(message.ksid)
                if stream is None or message.sae != self.sae:
                    answer = StreamAnswered(message.request_id, StreamStatus.NO_PEER, detail=UNKNOWN)
                    return [Send(message.reply_to, answer)]
            case PeerTold() | SessionEnded():
                stream = self.of(message.ksid)
            case StreamDue():
                stream = self.streams.get(message.handle)
            case SessionRegistered() | SessionOpened() | SessionRefused():
                stream = self.streams.get(message.request_id)
            case KeyDelivered() | KeyRefused():
                stream = self.streams.get(message.request_id.rpartition("/")[0])
            case _:
                raise AssertionError(f"{type(message).__name__} is not about streams")
        return self._stray(message) if stream is None else self._step(stream, message, now)

    def of(self, ksid: Ksid) -> Stream | None:
        """Return the stream with this KSID."""
        return next((stream for stream in self.streams.values() if stream.ksid == ksid), None)

    def _open(self, wanted: OpenStream, now: Instant) -> list[Effect]:
        partner = self.partners.get(wanted.peer)
        if partner is None or wanted.sae != self.sae:
            return _refused(wanted, StreamStatus.NO_CONNECTION, NOTHING_IN_COMMON)
        if wanted.ksid is not None and self.of(wanted.ksid) is not None:
            return _refused(wanted, StreamStatus.IN_USE, "this end has it open")
        if len(self.streams) >= MOST_STREAMS:
            return _refused(wanted, StreamStatus.NO_CONNECTION, f"this end has {MOST_STREAMS} streams open")
        qos = granted(wanted.qos, partner.level)
        is_unmet = not is_met(wanted.qos, qos)
        if is_unmet and wanted.ksid is None:
            answer = StreamAnswered(wanted.request_id, StreamStatus.QOS_NOT_MET, wanted.ksid, qos)
            return [Send(wanted.reply_to, answer)]
        self.opened += 1
        handle = f"{PREFIX}{self.sae}/{self.began}/{self.opened}"
        stream = Stream(
            handle=handle,
            app=partner.app,
            km=self.km,
            level=partner.level,
            opening=wanted,
            qos=qos,
            ksid=wanted.ksid,
            open_until=after(now, JOINING if is_unmet else patience(qos)),
            is_unmet=is_unmet,
        )
        self.streams[handle] = stream
        return begin(stream, now)

    def _step(self, stream: Stream, message: Message, now: Instant) -> list[Effect]:
        effects = stream.receive(message, now)
        if stream.state is Stage.OVER:
            del self.streams[stream.handle]
        return effects

    def _stray(self, message: Message) -> list[Effect]:
        """Close what a stream has left behind that is over, or was of an incarnation before this one."""
        discard(message)
        match message:
            case PeerTold(ksid=ksid) | SessionRegistered(ksid=ksid) | SessionOpened(ksid=ksid):
                return [Send(self.km, CloseSession(ksid, self.sae))]
            case _:
                return []


def _refused(wanted: OpenStream, status: StreamStatus, detail: str) -> list[Effect]:
    return [Send(wanted.reply_to, StreamAnswered(wanted.request_id, status, detail=detail))]
