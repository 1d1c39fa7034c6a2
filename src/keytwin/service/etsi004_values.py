"""What both bindings of ETSI GS QKD 004 V2.1.1 share: what is asked, as values, and whom a URI names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import ElementName, Ksid, NodeId, SaeId, parse_sae
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.stream_messages import (
    CloseStream,
    GetChunk,
    OpenStream,
    StreamAnswered,
    StreamQos,
    StreamStatus,
)

NEITHER_IS_YOURS: Final = "neither source nor destination names the SAE of your certificate"


@dataclass(frozen=True, slots=True)
class AskOpen:
    """OPEN_CONNECT, by the caller and with its peer."""

    source: str
    destination: str
    ksid: Ksid | None
    qos: StreamQos


@dataclass(frozen=True, slots=True)
class AskChunk:
    """GET_KEY."""

    ksid: Ksid
    index: int | None
    room: int


@dataclass(frozen=True, slots=True)
class AskClose:
    """CLOSE."""

    ksid: Ksid


Ask: TypeAlias = AskOpen | AskChunk | AskClose


@dataclass(frozen=True, slots=True)
class StreamSetup:
    """One node's face: its SAEs, and where replies go."""

    node: NodeId
    reply_to: ElementName
    saes: frozenset[SaeId]


def message_of(ask: Ask, sae: SaeId, request_id: RequestId, reply_to: ElementName) -> Message:
    """Return what the element of an SAE is asked; or, where there is no need to ask it, the answer."""
    match ask:
        case AskOpen():
            peer = peer_of(sae, ask.source, ask.destination)
            if peer is None:
                return StreamAnswered(request_id, StreamStatus.NO_CONNECTION, detail=NEITHER_IS_YOURS)
            return OpenStream(request_id, reply_to, sae, peer, ask.ksid, ask.qos)
        case AskChunk():
            return GetChunk(request_id, reply_to, sae, ask.ksid, ask.index, ask.room)
        case AskClose():
            return CloseStream(request_id, reply_to, sae, ask.ksid)


def peer_of(sae: SaeId, source: str, destination: str) -> SaeId | None:
    """Return whom a caller wants a stream with: the end that is not its own. None when neither is.

    Which of the two a caller is does not matter: with a KSID agreed before, both may give the same source.
    """
    ends = sae_of(source), sae_of(destination)
    if sae not in ends:
        return None
    return ends[1] if ends[0] == sae else ends[0]


def sae_of(uri: str) -> SaeId | None:
    """Return the SAE that a URI names: the last segment of its path, else its host; None when that is no name.

    Credentials, query and fragment name nobody; nothing of a URI is kept.
    """
    try:
        parts = urlsplit(uri)
        segments = [segment for segment in parts.path.split("/") if segment]
        name = segments[-1] if segments else parts.netloc.rpartition("@")[2]
        return parse_sae(unquote(name, errors="strict"))
    except (ValueError, Mistake):
        return None
