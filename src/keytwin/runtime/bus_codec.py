"""What travels between processes as octets: msgpack maps whose "type" is the class name, and never key material.

A kind that has room for key is refused before anything is written, however empty the room is (invariant Z5).
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

import msgspec

from keytwin.runtime.bus import may_hold_key
from keytwin.runtime.kinds import kind_named, ours_below
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.machine import Event, Message

Told = TypeVar("Told", Message, Event)


class Codec(Generic[Told]):
    """Writes and reads the keyless kinds below one class; what others send is read with suspicion."""

    def __init__(self, family: type[Told]) -> None:
        self.kinds: tuple[type[Told], ...] = tuple(kind for kind in ours_below(family) if not may_hold_key(kind))
        self._decoders: dict[str, msgspec.msgpack.Decoder[Told]] = {
            kind.__name__: msgspec.msgpack.Decoder(kind) for kind in self.kinds
        }

    def encode(self, told: Told) -> bytes:
        """Write one; AssertionError, and nothing written, when its kind may hold key."""
        assert not may_hold_key(type(told)), f"{type(told).__name__} holds key, which never leaves its process so"
        return _ENCODER.encode(told)

    def decode(self, octets: bytes) -> Told:
        """Read one; Violation when it is none of a kind that may travel."""
        cause = ""
        try:
            decoder = self._decoders.get(kind_named(octets))
            if decoder is not None:
                return decoder.decode(octets)
        except msgspec.ValidationError as error:
            cause = f": {error}"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # what Python says of bad text holds the octets themselves
        raise Violation(f"what came is no message that may travel between processes{cause}")


_ENCODER: Final = msgspec.msgpack.Encoder()
