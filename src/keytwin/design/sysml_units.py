"""Quantities and units in SysML v2: the standard library's where it has them, our own package where it has none.

`SI` has no kHz, ns or kbit/s, and its dB is a level of sound pressure; what is missing is defined here by prefix or by
convention (ISO/IEC 80000-1), the optical loss as a unit of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from keytwin.design.sysml_text import Lines, block, doc, quoted, string
from keytwin.vocabulary.errors import Mistake

PACKAGE: Final = "KeytwinUnits"

VALUE_TYPES: Final = MappingProxyType(
    {
        "duration": "DurationValue",
        "bits": "StorageCapacityValue",
        "rate": "BinaryDigitRateValue",
        "length": "LengthValue",
        # Lengths all, but a type for each keeps a wavelength from being bound to the length of a fibre.
        "width": "WidthValue",
        "wavelength": "WavelengthValue",
        "angle": "AngularMeasureValue",
        "power": "PowerValue",
        "radiance": "SpectralRadianceValue",
        "turbulence": "TurbulenceValue",
        "frequency": "FrequencyValue",
        # SI's own dB is the level of sound pressure, so that a loss in it would be of the wrong kind.
        "loss": "LossValue",
        "attenuation": "OpticalAttenuationValue",
        "share": "ShareValue",
        "number": "Real",
        "text": "String",
    }
)
"""The type of each quantity, from ISQ, ScalarValues or the package of this module."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of our own package."""

    symbol: str
    name: str
    kind: str
    """The definition it is a usage of."""
    of: str = ""
    """The unit it is made from."""
    prefix: str = ""
    factor: str = ""


def _prefixed(kind: str, of: str, of_name: str, symbols: str) -> Iterator[Unit]:
    for symbol in symbols.split():
        prefix = _PREFIXES[symbol[0]]
        yield Unit(symbol, f"{prefix}{of_name}", kind, of, prefix)


# The standard library has these prefixes, but not the units that are made with them: no kHz, no ns, no kbit/s.
_PREFIXES: Final = {"n": "nano", "u": "micro", "m": "milli", "k": "kilo", "M": "mega", "G": "giga"}

OWN_UNITS: Final = (
    *_prefixed("DurationUnit", "s", "second", "ns us ms"),
    *_prefixed("StorageCapacityUnit", "bit", "bit", "kbit Mbit Gbit"),
    *_prefixed("StorageCapacityUnit", "B", "byte", "kB MB"),
    *_prefixed("BinaryDigitRateUnit", "bit/s", "bit per second", "kbit/s Mbit/s Gbit/s"),
    # A byte a second is no prefix away from a bit a second: it is eight of them, by convention.
    Unit("byte/s", "byte as a rate of bits", "BinaryDigitRateUnit", "bit/s", factor="8"),
    Unit("kB/s", "kilobyte per second", "BinaryDigitRateUnit", "bit/s", factor="8000"),
    Unit("MB/s", "megabyte per second", "BinaryDigitRateUnit", "bit/s", factor="8000000"),
    *_prefixed("AngularMeasureUnit", "rad", "radian", "urad mrad"),
    *_prefixed("PowerUnit", "W", "watt", "nW uW mW"),
    *_prefixed("FrequencyUnit", "Hz", "hertz", "kHz MHz GHz"),
    Unit("W/m2/sr/nm", "watt per square metre steradian nanometre", "SpectralRadianceUnit"),
    Unit("m-2/3", "per metre to the power two thirds", "TurbulenceUnit"),
    Unit("dBo", "optical decibel", "LossUnit"),
    Unit("dBo/km", "optical decibel per kilometre", "OpticalAttenuationUnit"),
    Unit("%", "per cent", "ShareUnit"),
    # A number without a unit would be a Real, which a ShareValue does not take.
    Unit("share", "share of one", "ShareUnit"),
)

# In the library `dB` is a level of sound pressure and `B` a byte: a loss in it would be one of noise.
WRITTEN: Final = MappingProxyType({"dB": "dBo", "dB/km": "dBo/km", "B/s": "byte/s"})
"""Units that go by another name in SysML, where theirs is taken."""
# A share without a unit is written with one of its own, and comes back without, as it was.
_READ: Final = MappingProxyType({**{there: here for here, there in WRITTEN.items()}, "share": ""})
# ASCII alone: `\d` would take digits of every script, which SysML does not know as numbers.
_QUANTITY: Final = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)((?:[eE][+-]?\d+)?)\s*(\S*)", flags=re.ASCII)

_DEFINITIONS: Final = (
    ("LossUnit", "LossValue", "DimensionOneUnit", "DimensionOneValue", "Optical loss."),
    ("ShareUnit", "ShareValue", "DimensionOneUnit", "DimensionOneValue", "Part of a whole, from 0 to 1."),
    (
        "OpticalAttenuationUnit",
        "OpticalAttenuationValue",
        "DerivedUnit",
        "ScalarQuantityValue",
        "Loss by length.",
    ),
    ("TurbulenceUnit", "TurbulenceValue", "DerivedUnit", "ScalarQuantityValue", "Structure constant Cn2 of the air."),
)
_ALIASES: Final = (("WidthValue", "Width of an aperture."), ("WavelengthValue", "Wavelength of light."))


def value_expression(quantity: str, value: str) -> str:
    """Return a value as an expression: `20 [km]`; Mistake when it is no number with a unit."""
    if quantity == "text":
        return string(value)
    found = _QUANTITY.fullmatch(value.strip())
    if found is None:
        raise Mistake(f"{value!r} is no value of a {quantity}: write a number and its unit, such as '20 km'")
    sign, digits, exponent, unit = found.groups()
    # A literal of SysML has no sign `+`, and our reader wants digits on both sides of a point; people leave them out.
    digits = f"{'0' if digits.startswith('.') else ''}{digits}{'0' if digits.endswith('.') else ''}"
    number = f"{'-' if sign == '-' else ''}{digits}{exponent}"
    if quantity == "number":
        return number
    # Quoted names are case-sensitive: the symbol goes out exactly as it was written.
    symbol = "share" if quantity == "share" and not unit else WRITTEN.get(unit, unit)
    return f"{number} [{quoted(symbol)}]"


def plain_unit(symbol: str) -> str:
    """Return the unit as a user of keytwin writes it: `dBo` is dB."""
    return _READ.get(symbol, symbol)


def units_package() -> Lines:
    """Write the library package of our own units."""
    return block(
        f"library package {PACKAGE}",
        [
            *doc("Units of quantum key distribution that the standard library does not have."),
            # Private, so that who imports these units does not get the whole library's names with them.
            *(f"private import {name}::*;" for name in ("MeasurementReferences", "Quantities", "ISQ", "SI")),
            *(line for each in _DEFINITIONS for line in _definition(*each)),
            *(line for name, about in _ALIASES for line in block(f"attribute def {name} :> LengthValue", doc(about))),
            *(line for unit in OWN_UNITS for line in _unit(unit)),
        ],
    )


def _definition(unit: str, value: str, unit_kind: str, value_kind: str, about: str) -> Lines:
    # The library ties a quantity to its unit by redefining `mRef`; without it any unit would fit.
    reference = f"attribute :>> mRef : {unit}[1];"
    return [
        *block(f"attribute def {unit} :> {unit_kind}", doc(f"Unit of: {about}")),
        *block(f"attribute def {value} :> {value_kind}", [*doc(about), reference]),
    ]


def _unit(unit: Unit) -> Lines:
    head = f"attribute <{quoted(unit.symbol)}> {quoted(unit.name)} : {unit.kind}"
    if unit.prefix:
        conversion = f"ConversionByPrefix {{ :>> prefix = {unit.prefix}; :>> referenceUnit = {quoted(unit.of)}; }}"
    elif unit.factor:
        conversion = (
            f"ConversionByConvention {{ :>> referenceUnit = {quoted(unit.of)}; :>> conversionFactor = {unit.factor}; }}"
        )
    else:
        return block(head)
    return block(head, [f":>> unitConversion : {conversion}"])
