"""Key streams: what a face asks of an SAE's element, and what the two ends of a stream tell one another.

ETSI GS QKD 004 V2.1.1 clause 6. A stream is a session of the key managers; its chunks are keys of the pool of its
first end, numbered in the order in which that end takes them. Which key is which chunk, the first end tells the second
along the session's own route, over the same authenticated streams that carry the keys: nobody has to be trusted with
it who does not see the keys anyway.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, SaeId
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Message, RequestId

LARGEST: Final = 2**32 - 1  # all numbers of the standard are uint32
Number: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST)]


class StreamStatus(IntEnum):
    """The status codes of Table 2."""

    SUCCESS = 0
    PEER_NOT_CONNECTED = 1
    INSUFFICIENT_KEY = 2
    NO_PEER = 3
    NO_CONNECTION = 4
    IN_USE = 5
    TIMED_OUT = 6
    QOS_NOT_MET = 7
    METADATA_TOO_SMALL = 8


class StreamQos(msgspec.Struct, frozen=True, gc=False):
    """The QoS of Table 2; in what is asked, 0 = the system chooses. Octets, bit/s, milliseconds, seconds."""

    key_chunk_size: Number = 0
    max_bps: Number = 0
    min_bps: Number = 0
    jitter: Number = 0
    priority: Number = 0
    timeout: Number = 0  # milliseconds; 0 = no limit but the server's own
    ttl: Number = 0
    metadata_mimetype: str = ""  # "" = no metadata


# --- a face and the element `sae/<id>` ------------------------------------------------------------------------------


class OpenStream(Message, frozen=True, gc=False):
    """OPEN_CONNECT by `sae`; `ksid` None: one is made, or that of a stream is taken which waits for this very end."""

    request_id: RequestId
    reply_to: ElementName
    sae: SaeId
    peer: SaeId
    ksid: Ksid | None
    qos: StreamQos


class GetChunk(Message, frozen=True, gc=False):
    """GET_KEY; `index` None = the next one. `room`: octets that the caller has for metadata."""

    request_id: RequestId
    reply_to: ElementName
    sae: SaeId
    ksid: Ksid
    index: int | None
    room: int


class CloseStream(Message, frozen=True, gc=False):
    """CLOSE by one of the two ends."""

    request_id: RequestId
    reply_to: ElementName
    sae: SaeId
    ksid: Ksid


class StreamAnswered(Message, frozen=True, gc=False):
    """The answer to OPEN_CONNECT and CLOSE, and to a GET_KEY that gets none; `needed`: octets of metadata.

    With status 0, 1 and 7 of OPEN_CONNECT it has the QoS as granted, or as it could be.
    """

    request_id: RequestId
    status: StreamStatus
    ksid: Ksid | None = None
    qos: StreamQos | None = None
    needed: int = 0
    detail: str = ""


class ChunkDelivered(Message, frozen=True, gc=False):
    """A chunk, once; the receiver owns the key and wipes it. Never leaves the process of its node."""

    request_id: RequestId
    index: int
    key: Key
    metadata: bytes


# --- the two ends -------------------------------------------------------------------------------------------------


class StreamWord(msgspec.Struct, frozen=True, gc=False):
    """How far one end is. It is told again until nothing in it is news, so it may be lost, doubled or overtaken.

    The first end numbers: chunk `first + n` is the key `key_ids[n]`. `heard`: whose word it is knows all chunks below.
    `wanted`: it would like to have all below.
    """

    first: Number = 0
    key_ids: tuple[KeyId, ...] = ()
    heard: Number = 0
    wanted: Number = 0
    qos: StreamQos | None = None  # from the first end: as the first registration has it
    is_scarce: bool = False  # the first end gets no key for now
    is_closed: bool = False
    knows_closed: bool = False  # that the other end is closed
    is_question: bool = False  # asks for a word in return


class TellPeer(Message, frozen=True, gc=False):
    """To the key manager, from the SAE's element: have this told at the other end of the session."""

    ksid: Ksid
    sae: SaeId
    word: StreamWord


class PeerTold(Message, frozen=True, gc=False):
    """From the key manager: the other end of the session says this."""

    ksid: Ksid
    word: StreamWord
