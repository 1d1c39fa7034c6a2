"""Key material as a handle that can be wiped and never prints, copies or compares its content."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NoReturn

import msgspec

from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits

DEFAULT_KEY_SIZE: Final = Bits(256)  # what ETSI GS QKD 014 clients ask for when they say nothing: AES-256


class KeyMaterial:
    """Own some octets of key. Only `with material.exposed() as octets:` reaches them; `wipe` overwrites them in place.

    Equality and hash are those of the handle, never of the content.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytearray | memoryview) -> None:
        self._octets: memoryview | None = memoryview(octets)

    @property
    def size(self) -> Bits:
        """The amount of key, 0 once wiped."""
        return Bits(0 if self._octets is None else len(self._octets) * BITS_PER_BYTE)

    @property
    def is_wiped(self) -> bool:
        """Whether the octets are gone."""
        return self._octets is None

    def exposed(self) -> memoryview:
        """Return a view for use in a `with` block; WipedKey when the octets are gone."""
        if self._octets is None:
            raise WipedKey("this key has been wiped")
        return self._octets[:]

    def split(self, octets_each: int) -> list[KeyMaterial]:
        """Hand the octets on to equal pieces, each wiped by itself; this handle is empty afterwards."""
        octets = self._octets
        if octets is None:
            raise WipedKey("this key has been wiped")
        assert octets_each > 0
        assert len(octets) % octets_each == 0
        self._octets = None
        return [KeyMaterial(octets[start : start + octets_each]) for start in range(0, len(octets), octets_each)]

    def wipe(self) -> None:
        """Overwrite the octets with zeros and forget them; wiping twice is allowed."""
        if self._octets is not None:
            self._octets[:] = bytes(len(self._octets))
            self._octets = None

    def __repr__(self) -> str:
        return "<wiped key>" if self._octets is None else f"<{self.size}-bit key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is never pickled or copied: hand the handle on")

    __copy__ = __reduce__

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__reduce__()


class Method(StrEnum):
    """How an end-to-end key came to both ends."""

    ADJACENT = "adjacent"  # the quantum key itself, cut from one Q-link
    RELAYED = "relayed"  # one-time-padded from trusted node to trusted node


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """What may be told of a key's origin: the method and the number of Q-links it crossed."""

    method: Method
    hops: int


class Key(msgspec.Struct, frozen=True):
    """One end-to-end key as it is handed to an SAE."""

    key_id: KeyId
    material: KeyMaterial
    provenance: Provenance
