"""A journal in short: rows that say what all rows before them said, and a mark in front of them. Invariant O1.

What elements saved since is the tail. A start reads both, so it takes as long as there is state, and not as long as
there has been history. One transaction puts it in place: before it the old rows are there, behind it the new ones.

The mark is sealed like every row. It says how far the snapshot reaches, behind which row elements once began anew after
damage, and where the chain of the audit was: what the rows that are gone told of it, nothing else tells any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Record

SNAPSHOT: Final = b"journal/snapshot"  # no element is called so
LONGEST_TAIL: Final = 512 * 1024  # octets: some 6,000 keys; some hundredths of a second in which nothing else is done
ROW: Final = 64  # octets that a row takes beside what is sealed, and somewhat more

Shorten = Callable[[ElementName, list[Record]], Iterable[Record] | None]
"""Returns records that restore the same as all of an element's, None = there is no telling; takes the keys over.

The keys of a batch (`KeysKept`) it can drop, but not look at: they are still where they were written.
"""


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What stands in front of a snapshot. `lost`: the row behind which elements began anew, 0 = they never did."""

    through: int
    lost: int
    audit_row: int
    audit_link: bytes


def encode_mark(mark: Mark) -> bytes:
    """Write a mark."""
    return _MARK.encode(mark)


def decode_mark(octets: bytes | bytearray) -> Mark:
    """Read a mark; msgspec.DecodeError when it is none."""
    return _MARKS.decode(octets)


_MARK: Final = msgspec.msgpack.Encoder()
_MARKS: Final = msgspec.msgpack.Decoder(Mark)
