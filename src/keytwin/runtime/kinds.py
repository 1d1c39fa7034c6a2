"""Kinds of message, event and record by the name that stands in their octets: the class name, under "type"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

Family = TypeVar("Family", bound=msgspec.Struct)


def ours_below(family: type[Family]) -> Iterator[type[Family]]:
    """Give keytwin's own kinds below one class that are known by now; those of plug-ins are added by hand."""
    for kind in family.__subclasses__():
        if kind.__module__.startswith("keytwin."):
            yield kind
        yield from ours_below(kind)


def kind_named(octets: bytes | bytearray | memoryview) -> str:
    """Return the name of the kind that octets say they are; msgspec.DecodeError, or UnicodeDecodeError, when none."""
    return _TAG.decode(octets).type


class _Tag(msgspec.Struct):
    type: str


_TAG: Final = msgspec.msgpack.Decoder(_Tag)
