"""Whether a value has a unit of the dimension that its type has: ISO/IEC 80000 as the standard library names it.

In that library a quantity `LengthValue` is measured in a `LengthUnit`. Which kind of unit a symbol is, is looked up in
the texts themselves and else in the table here, of the symbols of SI that such models use.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from keytwin.design.sysml_scope import Offence, Scope, lineage, reference_at
from keytwin.design.sysml_tokens import Kind
from keytwin.design.sysml_tree import Member, Reference

_SYMBOLS: Final = {
    "LengthUnit": "m km cm mm nm metre kilometre",
    "DurationUnit": "s min h d second minute hour day",
    "FrequencyUnit": "Hz hertz",
    "PowerUnit": "W watt",
    "EnergyUnit": "J joule eV",
    "MassUnit": "kg g kilogram gram",
    "ThermodynamicTemperatureUnit": "K kelvin",
    "ElectricCurrentUnit": "A ampere",
    "ElectricPotentialUnit": "V volt",
    "ForceUnit": "N newton",
    "PressureUnit": "Pa pascal",
    "AngularMeasureUnit": "rad radian °",
    "StorageCapacityUnit": "bit B o byte octet",
    "BinaryDigitRateUnit": "bit/s",
    "SpeedUnit": "m/s km/h",
    "SoundPressureLevelUnit": "dB",
}
SI_UNITS: Final = MappingProxyType({symbol: kind for kind, symbols in _SYMBOLS.items() for symbol in symbols.split()})
_PLAIN: Final = frozenset({"Real", "Integer", "Natural", "Positive", "Rational", "Boolean", "String", "NumericalValue"})
_SYNONYMS: Final = MappingProxyType({"BitRate": "BinaryDigitRate", "Time": "Duration", "Distance": "Length"})
"""Aliases in the standard library, and special cases that have the unit of the general one."""
_LENGTHS: Final = frozenset(
    {"Width", "Height", "Breadth", "Thickness", "Diameter", "Radius", "PathLength", "Wavelength"}
)


def unit_offences(scope: Scope) -> Iterator[Offence]:
    """A number that is set to a feature has a unit of the feature's own dimension."""
    for member in scope.members():
        # Whatever the keyword: `:>> length = 20 [km];` has none, and a parameter or a result has its own.
        if member.value is None or member.is_definition:
            continue
        unit = _unit_of_value(scope, member)
        if unit is None:
            continue
        wanted, kind = _dimension(scope, member), unit_kind(scope, unit, member)
        # Where one of the two is not known nothing is said: a false alarm costs more than silence.
        if not wanted or not kind or wanted == kind:
            continue
        shown = f"{member.label or 'the value'} is given in {unit}, a {kind}"
        if wanted in _PLAIN:
            yield (
                member,
                unit.span.first,
                f"{shown}, but is a {wanted}",
                "remove the unit, or give it a quantity's type",
            )
        else:
            yield member, unit.span.first, f"{shown}, where a {wanted} is needed", f"use a unit that is a {wanted}"


def _unit_of_value(scope: Scope, member: Member) -> Reference | None:
    """Return the unit of a value that is one number in one unit; None for any other expression."""
    value, source = member.value, scope.document_of(member).source
    assert value is not None
    # A sign before the number is an operator of the expression, and changes no dimension.
    at = value.first + (source.words[value.first] in {"-", "+"})
    if source.kinds[at] is not Kind.NUMBER or at + 1 >= value.end or source.words[at + 1] != "[":
        return None
    # `2 [m] * 3 [m]` ends in a bracket too, and has a dimension that is not worked out here.
    if source.words[value.end - 1] != "]" or source.words.index("]", at) != value.end - 1:
        return None
    inner = reference_at(scope, member, type(value)(at + 2, value.end - 1))
    # `[m/s]` without quotes is an expression over units, whose name would be that of its first alone.
    return inner if inner is not None and inner.span.end == value.end - 1 else None


def _dimension(scope: Scope, member: Member) -> str:
    """Return the kind of unit that a feature is measured in, or the plain type that takes none; "" = not known."""
    for each in lineage(scope, member):
        if each.kind == "attribute def":
            own = next((inner.typed[0] for inner in each.members() if inner.label == "mRef" and inner.typed), None)
            if own is not None:
                return own.names[-1]
        # Only what leads out of the texts is judged by its name: within them the chain of definitions goes on.
        for reference in (*each.typed, *(each.subsets if each.kind == "attribute def" else ())):
            if scope.resolve(reference, each) is None:
                return unit_of_quantity(reference.names[-1])
    return ""


def unit_of_quantity(name: str) -> str:
    """Return the kind of unit of a quantity of the standard library; a plain type as itself; "" for any other name."""
    if name in _PLAIN:
        return name
    # By the library's own custom a quantity's type ends so; any other name is a type that is not known here.
    if not name.endswith("Value"):
        return ""
    quantity = name.removesuffix("Value")
    return f"{'Length' if quantity in _LENGTHS else _SYNONYMS.get(quantity, quantity)}Unit"


def unit_kind(scope: Scope, unit: Reference, member: Member) -> str:
    """Return what kind of unit a symbol is: as the texts say, else as SI says; "" = not known."""
    found = scope.resolve(unit, member)
    if found is None:
        return SI_UNITS.get(unit.names[-1], "")
    for each in lineage(scope, found):
        if each.typed:
            return each.typed[0].names[-1]
    return ""
