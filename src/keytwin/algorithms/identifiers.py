"""Identifiers made of entropy: UUIDs of version 4 in canonical text (RFC 9562, 5.4), one or many together."""

from __future__ import annotations

from typing import Final

import numpy as np

UUID_OCTETS: Final = 16
FEW: Final = 8  # UUIDs that are sooner written one by one
TOGETHER: Final = 64  # of more, so many are written in one step
_TEXT: Final = 36  # characters
_HYPHENS: Final = (8, 13, 18, 23)
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_AS_VERSION: Final = bytes(octet & 0x0F | 0x40 for octet in range(256))
_AS_VARIANT: Final = bytes(octet & 0x3F | 0x80 for octet in range(256))


def uuids(octets: bytes) -> list[str]:
    """Make one UUID of each 16 bytes of entropy."""
    assert len(octets) % UUID_OCTETS == 0
    if len(octets) <= UUID_OCTETS * FEW:
        digits = octets.hex()
        return [
            f"{digits[i : i + 8]}-{digits[i + 8 : i + 12]}-4{digits[i + 13 : i + 16]}-"
            f"{_VARIANT[digits[i + 16]]}{digits[i + 17 : i + 20]}-{digits[i + 20 : i + 32]}"
            for i in range(0, len(digits), 32)
        ]
    made: list[str] = []
    for start in range(0, len(octets), UUID_OCTETS * TOGETHER):
        made += _together(octets[start : start + UUID_OCTETS * TOGETHER])
    return made


def _together(octets: bytes) -> list[str]:
    marked = bytearray(octets)
    marked[6::UUID_OCTETS] = marked[6::UUID_OCTETS].translate(_AS_VERSION)
    marked[8::UUID_OCTETS] = marked[8::UUID_OCTETS].translate(_AS_VARIANT)
    characters = np.frombuffer(f"-,{marked.hex()}".encode("ascii"), np.uint8)
    number = len(octets) // UUID_OCTETS
    text = characters.take(_ORDER[: number * (_TEXT + 1)]).tobytes()
    return text.decode("ascii").split(",")[:-1]


def _order() -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return which character comes where in the text: a hyphen, a comma behind each UUID, or the next digit."""
    fixed = {**dict.fromkeys(_HYPHENS, 0), _TEXT: 1}
    digit = 2
    order = []
    for place in [*range(_TEXT + 1)] * TOGETHER:
        order.append(fixed.get(place, digit))
        digit += place not in fixed
    return np.array(order, np.intp)


_ORDER: Final = _order()
