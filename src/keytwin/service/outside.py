"""The machine `sae/<id>` of a live network, for an SAE that runs outside: standing sessions and key streams.

ETSI GS QKD 014 and SKIP have no open, so there is a standing session for each app; each stream of ETSI GS QKD 004 is a
session of its own. No key is in two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keytwin.service.standing import Standing
from keytwin.service.stream_table import StreamDue
from keytwin.service.streams import PREFIX, Partner, Streams
from keytwin.vocabulary.blueprint import Endpoint
from keytwin.vocabulary.exchange_messages import GetSharedKey, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, km_of
from keytwin.vocabulary.machine import Effect, Message, Record
from keytwin.vocabulary.session_messages import SessionEnded, SessionOpened, SessionRefused, SessionRegistered
from keytwin.vocabulary.stream_messages import CloseStream, GetChunk, OpenStream, PeerTold
from keytwin.vocabulary.units import Instant

_OF_STREAMS: Final = (OpenStream, GetChunk, CloseStream, PeerTold, StreamDue, KeyDelivered, KeyRefused)


class Outside(Standing):
    """The standing sessions of an SAE, and its streams beside them."""

    def __init__(
        self, sae: SaeId, node: NodeId, peers: Mapping[AppId, Endpoint], partners: Mapping[SaeId, Partner]
    ) -> None:
        super().__init__(sae, node, peers)
        self.streams = Streams(sae, km_of(node), partners)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        self.streams.began = now
        return super().restore(records, now)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        if type(message) is not GetSharedKey and (isinstance(message, _OF_STREAMS) or self._is_of_stream(message)):
            return self.streams.receive(message, now)
        return super().receive(message, now)

    def _is_of_stream(self, message: Message) -> bool:
        match message:
            case SessionRegistered() | SessionOpened() | SessionRefused():
                return message.request_id.startswith(PREFIX)
            case SessionEnded(ksid=ksid):
                return self.streams.of(ksid) is not None
            case _:
                return False
