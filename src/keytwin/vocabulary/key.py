"""Key material as a handle that can be wiped and never prints, copies or compares its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, NoReturn

import msgspec

from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits

DEFAULT_KEY_SIZE: Final = Bits(256)  # what ETSI GS QKD 014 clients ask for when they say nothing: AES-256


_WIPED: Final = "this key has been wiped"
Draw = Callable[[int, int], bytearray | memoryview]
"""Gives octets (start, count) of key that can be drawn again, in a buffer of their own."""


class _Later(NamedTuple):
    """What draws octets that nobody has looked at yet."""

    octets: int
    draw: Draw
    start: int


class KeyMaterial:
    """Own some octets of key. Only `with material.exposed() as octets:` reaches them; `wipe` overwrites them in place.

    Equality and hash are those of the handle, never of the content.
    """

    __slots__ = ("_later", "_octets")

    room: ClassVar[Callable[[int], bytearray | memoryview]] = bytearray
    """Makes room for octets: the interpreter's, unless whoever runs the process has better."""

    def __init__(self, octets: bytearray | memoryview) -> None:
        if KeyMaterial.room is not bytearray and octets:
            octets = _moved(octets)
        self._octets: memoryview | None = memoryview(octets)
        self._later: _Later | None = None

    @classmethod
    def blank(cls, count: int) -> KeyMaterial:
        """Return so many zeros in the room where key material is kept, for whoever made them to write key to."""
        material = cls.__new__(cls)
        material._octets, material._later = memoryview(KeyMaterial.room(count)), None  # noqa: SLF001  # its own class's
        return material

    @classmethod
    def deferred(cls, count: int, draw: Draw, start: int = 0) -> KeyMaterial:
        """Return material whose octets are drawn when they are first exposed; wiped before, they never are."""
        material = cls.__new__(cls)
        material._octets, material._later = None, _Later(count, draw, start)  # noqa: SLF001  # its own class's
        return material

    @property
    def size(self) -> Bits:
        """The amount of key, 0 once wiped."""
        octets = self._octets
        if octets is not None:
            return octets.nbytes * BITS_PER_BYTE  # type: ignore[return-value]  # Bits(), called for each key, costs more
        return Bits(self._later.octets * BITS_PER_BYTE if self._later else 0)

    @property
    def is_wiped(self) -> bool:
        """Whether the octets are gone."""
        return self._octets is None and self._later is None

    def exposed(self) -> memoryview:
        """Return a view for use in a `with` block; WipedKey when the octets are gone."""
        if self._octets is None:
            self._octets, self._later = memoryview(self._drawn()), None
        return self._octets[:]

    def inspected(self) -> memoryview:
        """Return a view to read in a `with` block; what was not drawn yet stays so, and takes no room afterwards."""
        return (self._octets if self._octets is not None else memoryview(self._drawn())).toreadonly()

    def cut(self, shares: Iterable[int]) -> list[KeyMaterial]:
        """Hand the octets on to pieces of so many octets, each wiped by itself; what is left over is wiped.

        Each piece has room of its own: one that is kept for long, however small, does not keep the whole in memory.
        """
        if self.is_wiped:
            raise WipedKey(_WIPED)
        start, whole = 0, self.size // BITS_PER_BYTE
        pieces = []
        for share in shares:
            pieces.append(self._piece(start, share))
            start += share
        assert start <= whole
        self.wipe()
        return pieces

    def split(self, octets_each: int) -> list[KeyMaterial]:
        """Hand the octets on to equal pieces, each wiped by itself; this handle is empty afterwards."""
        octets = self._octets
        if octets is None:
            number, left = divmod(self.size // BITS_PER_BYTE, octets_each)
            assert not left
            return self.cut((octets_each,) * number)
        assert not len(octets) % octets_each
        self._octets = None
        # As `cut` does it, without a call for each piece, not even of `__init__`: every key passes here at both ends.
        pieces = []
        for start in range(0, len(octets), octets_each):
            piece = _new(KeyMaterial)
            piece._octets, piece._later = octets[start : start + octets_each], None  # noqa: SLF001  # its own class's
            pieces.append(piece)
        return pieces

    def wipe(self) -> None:
        """Overwrite the octets with zeros and forget them; wiping twice is allowed."""
        octets = self._octets
        if octets is not None:
            octets[:] = _ZEROS if octets.nbytes == len(_ZEROS) else bytes(octets.nbytes)
        self._octets = self._later = None

    def _piece(self, start: int, count: int) -> KeyMaterial:
        if self._octets is not None:
            return KeyMaterial(bytearray(self._octets[start : start + count]))
        assert self._later
        return KeyMaterial.deferred(count, self._later.draw, self._later.start + start)

    def _drawn(self) -> bytearray | memoryview:
        if self._later is None:
            raise WipedKey(_WIPED)
        return self._later.draw(self._later.start, self._later.octets)

    def __repr__(self) -> str:
        return "<wiped key>" if self.is_wiped else f"<{self.size}-bit key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is never pickled or copied: hand the handle on")

    __copy__ = __reduce__

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__reduce__()


def copied(octets: bytes | memoryview) -> KeyMaterial:
    """Return material of the same content as octets that stay where they are."""
    material = KeyMaterial.blank(len(octets))
    with material.exposed() as room:
        room[:] = octets
    return material


def _moved(octets: bytearray | memoryview) -> bytearray | memoryview:
    """Put octets where key material is kept, and overwrite them where they were."""
    room = KeyMaterial.room(len(octets))
    room[:] = octets
    octets[:] = bytes(len(octets))
    return room


class exposed_together:  # noqa: N801  # used as the method of one key is
    """Views of many keys for the length of a `with` block, in their order: a block for each costs more than its use."""

    __slots__ = ("_materials", "_views")

    def __init__(self, materials: Iterable[KeyMaterial]) -> None:
        self._materials = materials
        self._views: list[memoryview] = []

    def __enter__(self) -> list[memoryview]:
        show = KeyMaterial.exposed
        try:
            self._views.extend(map(show, self._materials))
        except WipedKey:
            self.__exit__()
            raise
        return self._views

    def __exit__(self, *_: object) -> None:
        for view in self._views:
            view.release()


_new: Final = KeyMaterial.__new__
_ZEROS: Final = bytes(DEFAULT_KEY_SIZE // BITS_PER_BYTE)


class Method(StrEnum):
    """How an end-to-end key came to both ends."""

    ADJACENT = "adjacent"  # the quantum key itself, cut from one Q-link
    RELAYED = "relayed"  # one-time-padded from trusted node to trusted node
    LOCAL = "local"  # of one node for itself: from its own entropy, over no Q-link
    AGREED = "agreed"  # derived at both ends from a post-quantum secret: over no Q-link


class KeyMode(StrEnum):
    """What a session's keys are made of: quantum key, a post-quantum secret, or both (ETSI TS 103 744)."""

    QKD_ONLY = "qkd-only"
    PQC_ONLY = "pqc-only"
    HYBRID_XOR = "hybrid-xor"
    HYBRID_CATKDF = "hybrid-catkdf"

    @property
    def is_hybrid(self) -> bool:
        """Whether it takes both a quantum key and a post-quantum secret."""
        return self in (KeyMode.HYBRID_XOR, KeyMode.HYBRID_CATKDF)


class Fallback(StrEnum):
    """What a session may turn to when the quantum layer cannot deliver."""

    NONE = "none"
    PQC_ONLY = "pqc-only"


def is_secret_agreed(mode: KeyMode, fallback: Fallback) -> bool:
    """Whether the ends of a session agree post-quantum secrets at all."""
    return mode is not KeyMode.QKD_ONLY or fallback is not Fallback.NONE


def may_lack_quantum_key(mode: KeyMode, fallback: Fallback) -> bool:
    """Whether a session may have keys without any quantum key in them."""
    return mode is KeyMode.PQC_ONLY or fallback is Fallback.PQC_ONLY


class Provenance(msgspec.Struct, frozen=True, gc=False):
    """What may be told of a key's origin: the method and the number of Q-links it crossed.

    `shares`: it is the XOR of so many, each of which came by a way of its own; `hops` is then the longest way's.
    `kem`: the mechanism that the ends agreed the post-quantum part by, "" = there is none; `generation`: which of their
    secrets it was.
    """

    method: Method
    hops: int
    shares: int = 1
    mode: KeyMode = KeyMode.QKD_ONLY
    kem: str = ""
    generation: int = 0


class Key(msgspec.Struct, frozen=True):
    """One end-to-end key as it is handed to an SAE."""

    key_id: KeyId
    material: KeyMaterial
    provenance: Provenance
