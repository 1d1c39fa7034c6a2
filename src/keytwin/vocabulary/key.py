"""Key material as a handle that can be wiped and never prints, copies or compares its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
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

    draw: Draw
    start: int

    def __setitem__(self, place: slice, octets: bytes) -> None:
        """Overwrite nothing: nobody has drawn it."""


class KeyMaterial:
    """Own some octets of key. Only `with material.exposed() as octets:` reaches them; `wipe` overwrites them in place.

    Equality and hash are those of the handle, never of the content.
    """

    __slots__ = ("_octets", "_place")

    room: ClassVar[Callable[[int], bytearray | memoryview]] = bytearray
    """Makes room for octets: the interpreter's, unless whoever runs the process has better."""

    def __init__(self, octets: bytearray | memoryview) -> None:
        if KeyMaterial.room is not bytearray and octets:
            octets = _moved(octets)
        self._octets: memoryview | _Later | None = memoryview(octets)
        # Where in them: keys that travel together share one view, which is larger than all else of such a handle.
        self._place = slice(0, len(octets))

    @classmethod
    def blank(cls, count: int) -> KeyMaterial:
        """Return so many zeros in the room where key material is kept, for whoever made them to write key to."""
        material = cls.__new__(cls)
        material._octets, material._place = memoryview(KeyMaterial.room(count)), slice(0, count)  # noqa: SLF001  # its own class's
        return material

    @classmethod
    def deferred(cls, count: int, draw: Draw, start: int = 0) -> KeyMaterial:
        """Return material whose octets are drawn when they are first exposed; wiped before, they never are."""
        material = cls.__new__(cls)
        material._octets, material._place = _Later(draw, start), slice(0, count)  # noqa: SLF001  # its own class's
        return material

    @property
    def size(self) -> Bits:
        """The amount of key, 0 once wiped."""
        if self._octets is None:
            return Bits(0)
        place = self._place
        return (place.stop - place.start) * BITS_PER_BYTE  # type: ignore[return-value]  # Bits(), called for each key, costs more

    @property
    def is_wiped(self) -> bool:
        """Whether the octets are gone."""
        return self._octets is None

    def exposed(self) -> memoryview:
        """Return a view for use in a `with` block; WipedKey when the octets are gone."""
        octets = self._octets
        if type(octets) is not memoryview:
            octets = self._octets = memoryview(self._drawn())
        return octets[self._place]

    def inspected(self) -> memoryview:
        """Return a view to read in a `with` block; what was not drawn yet stays so, and takes no room afterwards."""
        octets = self._octets
        if type(octets) is not memoryview:
            octets = memoryview(self._drawn())
        return octets[self._place].toreadonly()

    def cut(self, shares: Iterable[int]) -> list[KeyMaterial]:
        """Hand the octets on to pieces of so many octets, each wiped by itself; what is left over is wiped.

        Each piece has room of its own: one that is kept for long, however small, does not keep the whole in memory.
        """
        if self._octets is None:
            raise WipedKey(_WIPED)
        start, whole = 0, _length(self._place)
        pieces = []
        for share in shares:
            pieces.append(self._piece(start, share))
            start += share
        assert start <= whole
        self.wipe()
        return pieces

    def split(self, octets_each: int) -> list[KeyMaterial]:
        """Hand the octets on to equal pieces, each wiped by itself; this handle is empty afterwards."""
        octets, place = self._octets, self._place
        if type(octets) is not memoryview:
            number, left = divmod(_length(place), octets_each)
            assert not left
            return self.cut((octets_each,) * number)
        self._octets = None
        places = _places(place.start, place.stop, octets_each)
        # As `cut` does it, without a call for each piece, not even of `__init__`: every key passes here at both ends.
        kind = KeyMaterial if octets_each == len(_ZEROS) else _Unusual
        pieces = list(map(_new, (kind,) * len(places)))
        for piece, place in zip(pieces, places, strict=True):
            piece._octets, piece._place = octets, place  # noqa: SLF001  # its own class's
        return pieces

    def wipe(self) -> None:
        """Overwrite the octets with zeros and forget them; wiping twice is allowed."""
        octets = self._octets
        if octets is None:
            return
        try:  # to look at the size of each key would take as long as all else
            octets[self._place] = _ZEROS
        except ValueError:  # not the usual one
            octets[self._place] = bytes(_length(self._place))
        self._octets = None

    def _piece(self, start: int, count: int) -> KeyMaterial:
        later = self._octets
        if type(later) is memoryview:
            first = self._place.start + start
            return KeyMaterial(bytearray(later[first : first + count]))
        assert isinstance(later, _Later)
        return KeyMaterial.deferred(count, later.draw, later.start + start)

    def _drawn(self) -> bytearray | memoryview:
        later = self._octets
        if not isinstance(later, _Later):
            raise WipedKey(_WIPED)
        return later.draw(later.start, _length(self._place))

    def __repr__(self) -> str:
        return "<wiped key>" if self.is_wiped else f"<{self.size}-bit key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is never pickled or copied: hand the handle on")

    __copy__ = __reduce__

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__reduce__()


class _Unusual(KeyMaterial):
    """A key of another size than most, which is known beforehand."""

    __slots__ = ()

    def wipe(self) -> None:
        octets = self._octets
        if octets is not None:
            octets[self._place] = bytes(_length(self._place))
            self._octets = None


def _length(place: slice) -> int:
    """Return the number of octets at a place."""
    length: int = place.stop - place.start
    return length


@lru_cache(maxsize=256)
def _places(start: int, end: int, octets_each: int) -> tuple[slice, ...]:
    """Return the places of equal pieces: the same few for all keys that travel together."""
    assert not (end - start) % octets_each
    return tuple(slice(each, each + octets_each) for each in range(start, end, octets_each))


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


class Key(msgspec.Struct, frozen=True, gc=False):
    """One end-to-end key as it is handed to an SAE."""

    key_id: KeyId
    material: KeyMaterial
    provenance: Provenance
