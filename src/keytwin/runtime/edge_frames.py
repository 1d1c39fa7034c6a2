"""The binary framing of ETSI GS QKD 004 over the same edge as HTTP: same limits, deadlines and looks at who asks."""

from __future__ import annotations

from typing import Final

from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.edge_tls import TlsWire
from keytwin.runtime.edge_usual import Received
from keytwin.service.etsi004_frames import decode, frame_length
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation

NO_FRAME: Final = Response(400, ())
_METHOD: Final = "FRAME"


class FrameReader:
    """Cuts what comes into frames; after one that is none it reads no more."""

    __slots__ = ("_is_over", "_octets", "awaits_continue")

    def __init__(self, limits: EdgeLimits) -> None:
        del limits  # each service has its own length
        self._octets = bytearray()
        self._is_over = self.awaits_continue = False

    @property
    def is_between(self) -> bool:
        """Whether nothing has come of a frame that is not whole yet."""
        return not self._octets

    @property
    def has_unread(self) -> bool:
        """Whether whole frames may wait here: then no more is read."""
        return not self._is_over and self._is_whole()

    def take(self, octets: bytes) -> None:
        """Keep what has come until it is its turn."""
        if not self._is_over:
            self._octets += octets

    def next(self) -> Received | Response | None:
        """Return the next frame, or that there never will be one, or None = more has to come."""
        if self._is_over:
            return NO_FRAME
        try:
            length = frame_length(self._octets)
            if length is None or len(self._octets) < length:
                return None
            frame = bytes(self._octets[:length])
            del self._octets[:length]
            decode(frame)  # once more by the face: here, so that nothing behind a frame that is none is acted on
        except Violation:
            self.close()
            return NO_FRAME
        return Received(Request(_METHOD, "", body=frame), keeps_alive=True, is_1_0=False)

    def close(self) -> None:
        """Let go of all that has come."""
        self._octets.clear()
        self._is_over = True

    def _is_whole(self) -> bool:
        try:
            length = frame_length(self._octets)
        except Violation:
            return True
        return length is not None and len(self._octets) >= length


def transmit(wire: TlsWire, response: Response, received: Received | None, date: bytes, *, is_last: bool) -> None:
    """Write a frame; whatever is none of the face's own has no words here: the connection ends."""
    del received, date, is_last
    if response.status == 200 and wire.is_open:
        wire.write(response.body)
    elif wire.is_open:
        wire.close()
    response.wipe()
