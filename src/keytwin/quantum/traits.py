"""What is known about a QKD protocol beside its rate: how far its security is proven, and how ripe it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self


class Proof(StrEnum):
    """How much of an eavesdropper's power a security proof covers, from most to nothing."""

    FINITE = "finite keys, general attacks"
    COLLECTIVE = "endless keys, collective attacks"
    INDIVIDUAL = "individual attacks only"
    NONE = "no security proof at this reach"


class Threat(StrEnum):
    """An attack on devices or channel, beside the interception that every protocol detects."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """Make a member that is its name and knows its meaning."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    PHOTON_SPLITTING = ("photon-number splitting", "keeping one photon of each pulse that holds several")
    UNTRUSTED_SOURCE = ("untrusted source", "the eavesdropper runs the source of pairs")
    UNTRUSTED_RELAY = ("untrusted relay", "the eavesdropper runs the station between the ends")
    BLINDING = ("detector blinding", "bright light makes detectors click when the eavesdropper wants")
    TIME_SHIFT = ("time shift", "light comes when one detector sees better than the other")
    EFFICIENCY_MISMATCH = ("efficiency mismatch", "detectors that are not alike betray which of them clicked")
    FAULTY_DEVICES = ("faulty devices", "sources and detectors do other things than they should, or are made to")


@dataclass(frozen=True, slots=True)
class Traits:
    """`threats`: attacks that the protocol by itself excludes; `trl`: readiness from 1 to 9.

    `is_repeaterless`: no untrusted helper between the ends, so that the rate cannot pass the bound of the channel.
    """

    proof: Proof
    trl: int
    threats: tuple[Threat, ...] = ()
    is_repeaterless: bool = True
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __post_init__(self) -> None:
        assert 1 <= self.trl <= 9


UNKNOWN: Final = Traits(Proof.NONE, 1)
"""Of a protocol that says nothing about itself."""
