"""The states of a key stream at one of its ends, and what each does with what: ETSI GS QKD 004 V2.1.1 clause 6."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.machine import Message, StateTable, ignored, refused, to
from keytwin.vocabulary.session_messages import SessionEnded, SessionOpened, SessionRefused, SessionRegistered
from keytwin.vocabulary.stream_messages import CloseStream, GetChunk, PeerTold


class Stage(StrEnum):
    """How far the stream is at this end."""

    OPENING = "opening"
    WAITING = "waiting"  # registered; the other end is not there yet
    MEETING = "meeting"  # the second end, before it has heard the first
    OPEN = "open"
    CLOSED = "closed"  # at this end; the other one may still have what was numbered
    ENDED = "ended"  # the session is over; what is held here may still be had
    OVER = "over"


class StreamDue(Message, frozen=True, gc=False):
    """Timer: something of the stream is due."""

    handle: str


NO_PEER: Final = "the peer is not connected"
CLOSED: Final = "the stream is closed at this end"

_KEYS: Final = (KeyDelivered, KeyRefused)
_TOLD: Final = (SessionRegistered, SessionOpened, SessionRefused, SessionEnded)
_SILENT: Final = "the key manager is silent"
_OPENED: Final = to(
    Stage.OPEN,
    Stage.MEETING,
    Stage.OVER,
    OPEN="this end is the first",
    MEETING="it is the second",
    OVER="it is the first, and wants what cannot be given",
)
_LOST: Final = to(Stage.ENDED, Stage.OVER, ENDED="some chunks are held", OVER="none is")
_LEFT: Final = to(Stage.CLOSED, Stage.OVER, CLOSED="the other end is there", OVER="it is closed too")

STREAM_TABLE: Final = StateTable(
    "key stream at an SAE",
    Stage,
    {
        (Stage.OPENING, SessionRegistered): to(Stage.WAITING),
        (Stage.OPENING, SessionOpened): _OPENED,
        (Stage.OPENING, SessionRefused): to(Stage.OVER),
        (Stage.OPENING, SessionEnded): to(Stage.OVER),
        (Stage.OPENING, CloseStream): to(Stage.OVER),
        (Stage.OPENING, StreamDue): to(Stage.OPENING, Stage.OVER, OPENING="asked again", OVER=_SILENT),
        (Stage.WAITING, SessionRegistered): to(Stage.WAITING),
        (Stage.WAITING, SessionOpened): _OPENED,
        (Stage.WAITING, SessionRefused): to(Stage.OVER),
        (Stage.WAITING, SessionEnded): to(Stage.OVER),
        (Stage.WAITING, CloseStream): to(Stage.OVER),
        (Stage.WAITING, StreamDue): to(Stage.WAITING, Stage.OVER, WAITING="asked again", OVER=_SILENT),
        (Stage.MEETING, PeerTold): to(
            Stage.MEETING, Stage.OPEN, MEETING="it does not say the QoS", OPEN="it says the QoS"
        ),
        (Stage.MEETING, CloseStream): _LEFT,
        (Stage.MEETING, StreamDue): to(Stage.MEETING, Stage.OVER, MEETING="asked again", OVER=_SILENT),
        (Stage.OPEN, PeerTold): to(Stage.OPEN),
        (Stage.OPEN, SessionOpened): to(Stage.OPEN),
        (Stage.OPEN, GetChunk): to(Stage.OPEN),
        (Stage.OPEN, CloseStream): _LEFT,
        (Stage.OPEN, StreamDue): to(Stage.OPEN, Stage.ENDED, Stage.OVER, OPEN="seen to", ENDED=_SILENT, OVER=_SILENT),
        **{(Stage.OPEN, message): to(Stage.OPEN) for message in _KEYS},
        **{(stage, SessionRefused): _LOST for stage in (Stage.MEETING, Stage.OPEN)},
        **{(stage, SessionEnded): _LOST for stage in (Stage.MEETING, Stage.OPEN)},
        (Stage.CLOSED, PeerTold): to(Stage.CLOSED, Stage.OVER, CLOSED="the other end goes on", OVER="it is closed"),
        (Stage.CLOSED, StreamDue): to(Stage.CLOSED, Stage.OVER, CLOSED="told again", OVER="the time is over"),
        **{(Stage.CLOSED, message): to(Stage.CLOSED) for message in _KEYS},
        **{(Stage.CLOSED, message): to(Stage.OVER) for message in (SessionRefused, SessionEnded)},
        (Stage.ENDED, GetChunk): to(Stage.ENDED, Stage.OVER, ENDED="more is held", OVER="that was all"),
        (Stage.ENDED, CloseStream): to(Stage.OVER),
        (Stage.ENDED, StreamDue): to(Stage.ENDED, Stage.OVER, ENDED="more is held", OVER="nothing is left"),
        **{(Stage.ENDED, message): to(Stage.ENDED) for message in _KEYS},
        # No key is due before the stream is open; one that comes all the same is wiped.
        **{(Stage.OPENING, message): to(Stage.OPENING) for message in _KEYS},
        **{(Stage.WAITING, message): to(Stage.WAITING) for message in _KEYS},
        **{(Stage.MEETING, message): to(Stage.MEETING) for message in _KEYS},
        **refused(Stage.OPENING, Stage.WAITING, Stage.MEETING, message=GetChunk, because=NO_PEER),
        **refused(Stage.CLOSED, message=GetChunk, because=CLOSED),
        **refused(Stage.CLOSED, message=CloseStream, because=CLOSED),
        **ignored(Stage.OPENING, (PeerTold,)),
        **ignored(Stage.WAITING, (PeerTold,)),
        **ignored(Stage.ENDED, (PeerTold, *_TOLD)),
        # These have heard it before.
        **ignored(Stage.MEETING, (SessionRegistered, SessionOpened)),
        **ignored(Stage.OPEN, (SessionRegistered,)),
        **ignored(Stage.CLOSED, (SessionRegistered, SessionOpened)),
        **ignored(Stage.OVER, (*_TOLD, *_KEYS, PeerTold, GetChunk, CloseStream, StreamDue)),
    },
)
