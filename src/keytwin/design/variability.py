"""The orthogonal variability model: variation points, variants, what they open, require and exclude. Paper A III.

Orthogonal means that it lies beside the model and says only what may vary; each variant is bound to one view, and all
variants of a variation point to views of one kind, so that like is compared with like. A variant may open further
variation points. What a variation point allows is a number: from `least` to `most` of its variants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from keytwin.design.views import ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

# Paper A leaves dependencies out; where they are drawn, OVMs let them start at either kind.
Choice: TypeAlias = VariationPointId | VariantId
"""Either end of a dependency."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A figure of a variant, such as its readiness level."""

    name: str
    quantity: str
    """A key of `units.QUANTITIES`, or "text"."""
    value: str
    """With its unit."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationPoint:
    """Something that may be done in several ways."""

    id: VariationPointId
    name: str
    about: str = ""
    parent: VariantId | None = None
    """The variant that opens it; None = it is always there to be decided."""
    is_mandatory: bool = True
    """Whether it must be decided wherever it is open."""
    # One of them and no more, unless the file says otherwise: most decisions are alternatives.
    least: int = 1
    most: int = 1
    view: ViewKind
    is_domain_specific: bool = False
    """Whether it speaks of the domain's own technology (here: quantum), not of what any network has."""
    abstracts: str = ""
    """What of the schematic picture it stands for: paper A, Fig. 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way of doing it."""

    id: VariantId
    name: str
    point: VariationPointId
    about: str = ""
    is_mandatory: bool = False
    """Whether it is always chosen where its variation point is open."""
    attributes: tuple[Attribute, ...] = ()
    sources: tuple[str, ...] = ()
    runs_as: str = ""
    """What of the running half it is, such as a protocol's name; empty = it has no part of its own there."""

    @property
    def readiness(self) -> float | None:
        """Its technology readiness level; None where nobody has judged it."""
        # A level is an attribute like others, so that a file of somebody else's may judge it anew.
        told = next((each.value for each in self.attributes if each.name == "readiness"), None)
        return None if told is None else float(told)


class Bond(StrEnum):
    """Kinds of dependency."""

    REQUIRES = "requires"
    EXCLUDES = "excludes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """`source` requires one of `targets`, or excludes each of them."""

    bond: Bond
    source: Choice
    targets: tuple[Choice, ...]
    reason: str
    """In the words of the domain, as a full clause: "a phase reference cannot be kept over a moving satellite"."""
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ovm:
    """Variation points and variants in the order of their file, each after what opens it."""

    name: str
    about: str
    points: Mapping[VariationPointId, VariationPoint]
    variants: Mapping[VariantId, Variant]
    dependencies: tuple[Dependency, ...] = ()

    def variants_of(self, point: VariationPointId) -> tuple[Variant, ...]:
        """Return the variants of a variation point."""
        return tuple(each for each in self.variants.values() if each.point == point)

    def opened_by(self, variant: VariantId | None) -> tuple[VariationPoint, ...]:
        """Return the variation points that a variant opens; of None, those that are always open."""
        return tuple(each for each in self.points.values() if each.parent == variant)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The variants chosen for a stakeholder's need, sorted: paper A, step 4."""

    ovm: str
    chosen: tuple[VariantId, ...]

    def __post_init__(self) -> None:
        # Sorted and each once: equal configurations are equal values, and so are what is cached by them.
        assert list(self.chosen) == sorted(set(self.chosen))

    def __contains__(self, variant: VariantId) -> bool:
        return variant in self.chosen


def ovm_of(
    name: str,
    about: str,
    points: tuple[VariationPoint, ...],
    variants: tuple[Variant, ...],
    dependencies: tuple[Dependency, ...] = (),
) -> Ovm:
    """Return an OVM of its parts, whose identifiers are known to be unique and to refer to one another."""
    by_point = MappingProxyType({each.id: each for each in points})
    by_variant = MappingProxyType({each.id: each for each in variants})
    # A name that came twice would silently replace the first one.
    assert len(by_point) == len(points)
    assert len(by_variant) == len(variants)
    return Ovm(name, about, by_point, by_variant, dependencies)
