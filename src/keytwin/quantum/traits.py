"""What is known about a QKD protocol beside its rate: how far its security is proven, and how ripe it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Proof(StrEnum):
    """How much of an eavesdropper's power a security proof covers, from most to nothing."""

    FINITE = "finite keys, general attacks"
    COLLECTIVE = "endless keys, collective attacks"
    INDIVIDUAL = "individual attacks only"
    NONE = "no security proof at this reach"


@dataclass(frozen=True, slots=True)
class Traits:
    """`threats`: attacks on devices or channel that the protocol by itself excludes; `trl`: readiness from 1 to 9.

    `is_repeaterless`: no untrusted helper between the ends, so that the rate cannot pass the bound of the channel.
    """

    proof: Proof
    trl: int
    threats: tuple[str, ...] = ()
    is_repeaterless: bool = True
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        assert 1 <= self.trl <= 9


UNKNOWN: Final = Traits(Proof.NONE, 1)
"""Of a protocol that says nothing about itself."""
