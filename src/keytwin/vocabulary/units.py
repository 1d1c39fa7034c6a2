"""Quantities with their units: integer time and key, named floats for physics; parsing of what a user writes.

Time is integer nanoseconds and key is integer bits, so that nothing drifts and equal runs give equal bytes. A
quantity in a file always carries its unit: "20 km", "1 kbit/s", "0.2 dB/km".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation, Overflow
from types import MappingProxyType
from typing import Final, NewType

from keytwin.vocabulary.errors import Mistake

Instant = NewType("Instant", int)
"""Nanoseconds since the start of the run (simulation) or of the Unix epoch (live)."""
Duration = NewType("Duration", int)
"""Nanoseconds."""
Bits = NewType("Bits", int)
BitsPerSecond = NewType("BitsPerSecond", int)
Decibels = NewType("Decibels", float)
DecibelsPerKilometre = NewType("DecibelsPerKilometre", float)
Kilometres = NewType("Kilometres", float)
Metres = NewType("Metres", float)
Nanometres = NewType("Nanometres", float)
"""Of light: a wavelength, or the width of a filter."""
Radians = NewType("Radians", float)
Watts = NewType("Watts", float)
Radiance = NewType("Radiance", float)
"""Of the sky, in W m^-2 sr^-1 nm^-1."""
TurbulenceStrength = NewType("TurbulenceStrength", float)
"""The structure constant Cn2 of the air's refractive index, in m^(-2/3)."""
Hertz = NewType("Hertz", float)

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
BITS_PER_BYTE: Final = 8
START: Final = Instant(0)


def nanoseconds(count: int) -> Duration:
    """Return a duration."""
    return Duration(count)


def microseconds(count: float) -> Duration:
    """Return a duration, rounded to the nanosecond."""
    return Duration(round(count * 1_000))


def milliseconds(count: float) -> Duration:
    """Return a duration, rounded to the nanosecond."""
    return Duration(round(count * 1_000_000))


def seconds(count: float) -> Duration:
    """Return a duration, rounded to the nanosecond."""
    return Duration(round(count * NANOSECONDS_PER_SECOND))


def minutes(count: float) -> Duration:
    """Return a duration, rounded to the nanosecond."""
    return seconds(count * 60)


def hours(count: float) -> Duration:
    """Return a duration, rounded to the nanosecond."""
    return seconds(count * 3600)


def in_seconds(span: int) -> float:
    """Return a duration or instant in seconds, for people and physics."""
    return span / NANOSECONDS_PER_SECOND


def after(instant: Instant, span: int) -> Instant:
    """Return the instant that lies `span` nanoseconds later."""
    return Instant(instant + span)


def bits(octets: int) -> Bits:
    """Return how many bits `octets` bytes hold."""
    return Bits(octets * BITS_PER_BYTE)


def octets(count: Bits) -> int:
    """Return how many bytes hold `count` bits, rounded up."""
    return -(-count // BITS_PER_BYTE)


def kilobits(count: float) -> Bits:
    """Return a number of bits; 1 kbit = 1,000 bit."""
    return Bits(round(count * 1_000))


def produced(rate: BitsPerSecond, span: int) -> Bits:
    """Return the whole bits that `rate` gives in `span` nanoseconds, rounded down."""
    return Bits(rate * span // NANOSECONDS_PER_SECOND)


# --- what a user writes ---------------------------------------------------------------------------------------------

_QUANTITY: Final = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*", flags=re.ASCII)
_LONGEST_QUANTITY: Final = 64  # characters; no quantity needs more, and Decimal of a huge exponent is slow
_LARGEST: Final = Decimal(10) ** 18  # keeps every parsed quantity, in its base unit, within 64 bits

_TIME: Final = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_DATA: Final = {
    "bit": 1,
    "kbit": 10**3,
    "Mbit": 10**6,
    "Gbit": 10**9,
    "B": 8,
    "kB": 8_000,
    "MB": 8_000_000,
    "GB": 8 * 10**9,
}
_RATE: Final = {f"{unit}/s": scale for unit, scale in _DATA.items()}
_LENGTH: Final = {"m": Decimal("0.001"), "km": Decimal(1)}
_APERTURE: Final = {"mm": Decimal("0.001"), "cm": Decimal("0.01"), "m": Decimal(1)}
_WAVELENGTH: Final = {"nm": 1}
_ANGLE: Final = {"urad": Decimal("1e-6"), "mrad": Decimal("1e-3"), "rad": Decimal(1)}
_POWER: Final = {"nW": Decimal("1e-9"), "uW": Decimal("1e-6"), "mW": Decimal("1e-3"), "W": Decimal(1)}
_RADIANCE: Final = {"W/m2/sr/nm": 1}
_TURBULENCE: Final = {"m-2/3": 1}
_FREQUENCY: Final = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
_LOSS: Final = {"dB": 1}
_ATTENUATION: Final = {"dB/km": 1}
_SHARE: Final = {"": Decimal(1), "%": Decimal("0.01")}
_NUMBER: Final = {"": 1}

_Scales = Mapping[str, int | Decimal]


def parse_duration(text: str) -> Duration:
    """Read "60 s", "10 min", "1.5 ms"; Mistake when the unit is missing, unknown or the value negative."""
    return Duration(int(_parse(text, _TIME, "a time", "60 s")))


def parse_bits(text: str) -> Bits:
    """Read "256 bit", "16 kbit", "32 B"."""
    return Bits(int(_parse(text, _DATA, "an amount of key", "256 bit")))


def parse_rate(text: str) -> BitsPerSecond:
    """Read "1 kbit/s"."""
    return BitsPerSecond(int(_parse(text, _RATE, "a rate", "64 kbit/s")))


def parse_kilometres(text: str) -> Kilometres:
    """Read "20 km" or "350 m"."""
    return Kilometres(float(_parse(text, _LENGTH, "a length", "20 km")))


def parse_metres(text: str) -> Metres:
    """Read "30 cm", the width of a telescope."""
    return Metres(float(_parse(text, _APERTURE, "a width", "30 cm")))


def parse_nanometres(text: str) -> Nanometres:
    """Read "850 nm"."""
    return Nanometres(float(_parse(text, _WAVELENGTH, "a wavelength", "850 nm")))


def parse_radians(text: str) -> Radians:
    """Read "10 urad"."""
    return Radians(float(_parse(text, _ANGLE, "an angle", "10 urad")))


def parse_watts(text: str) -> Watts:
    """Read "1 mW"."""
    return Watts(float(_parse(text, _POWER, "a power", "1 mW")))


def parse_radiance(text: str) -> Radiance:
    """Read "2.5e-7 W/m2/sr/nm"."""
    return Radiance(float(_parse(text, _RADIANCE, "a radiance", "2.5e-7 W/m2/sr/nm")))


def parse_turbulence(text: str) -> TurbulenceStrength:
    """Read "1e-15 m-2/3"."""
    return TurbulenceStrength(float(_parse(text, _TURBULENCE, "a strength of turbulence", "1e-15 m-2/3")))


def parse_hertz(text: str) -> Hertz:
    """Read "1 GHz"."""
    return Hertz(float(_parse(text, _FREQUENCY, "a frequency", "1 GHz")))


def parse_decibels(text: str) -> Decibels:
    """Read "14.5 dB"."""
    return Decibels(float(_parse(text, _LOSS, "a loss", "14.5 dB")))


def parse_attenuation(text: str) -> DecibelsPerKilometre:
    """Read "0.2 dB/km"."""
    return DecibelsPerKilometre(float(_parse(text, _ATTENUATION, "an attenuation", "0.2 dB/km")))


def parse_share(text: str) -> float:
    """Read "0.02" or "2 %" as a number from 0 to 1."""
    share = float(_parse(text, _SHARE, "a share from 0 to 1", "2 %"))
    if share > 1:
        raise Mistake(f"{text!r} is more than the whole: write a share from 0 to 1, such as '2 %'")
    return share


def parse_number(text: str) -> float:
    """Read a number without a unit, such as "1.16"."""
    return float(_parse(text, _NUMBER, "a plain number", "1.16"))


def parse_count(text: str, least: int = 0, most: int = 10**9) -> int:
    """Read a whole number without a unit, from `least` to `most`."""
    stripped = text.strip()
    if not re.fullmatch(r"[+-]?\d{1,19}", stripped, flags=re.ASCII):
        raise Mistake(f"{text!r} is not a whole number: write digits only, such as '3'")
    if not least <= int(stripped) <= most:
        raise Mistake(f"{stripped} is out of range: write a whole number from {least} to {most}")
    return int(stripped)


def _parse(text: str, scales: _Scales, kind: str, example: str) -> Decimal:
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST_QUANTITY else None
    if match is None:
        raise Mistake(f"{text[:_LONGEST_QUANTITY]!r} is not {kind}: write a number and a unit, such as '{example}'")
    number, unit = match.groups()
    if unit not in scales:
        raise Mistake(_unit_mistake(text, unit, scales, kind, f"{number} {example.rpartition(' ')[2]}"))
    try:
        value = Decimal(number) * scales[unit]
    except (InvalidOperation, Overflow):
        raise Mistake(f"{text!r} is out of range for {kind}") from None
    if value < 0 or value > _LARGEST:
        raise Mistake(f"{text!r} is out of range: {kind} is from 0 to 1e18 in its smallest unit")
    return value


def _unit_mistake(text: str, unit: str, scales: _Scales, kind: str, example: str) -> str:
    known = ", ".join(name for name in scales if name)
    if not unit:
        return f"{text.strip()!r} has no unit: {kind} needs one of {known}, such as '{example}'"
    nearest = next((name for name in scales if name.lower() == unit.lower()), "")
    takes = f"{kind} takes one of {known}" if known else f"{kind} takes none"
    hint = f"did you mean '{nearest}'?" if nearest else takes
    return f"{text.strip()!r} has an unknown unit {unit!r}: {hint}"


# --- what a user reads ----------------------------------------------------------------------------------------------


def show_duration(span: int) -> str:
    """Write a duration with the largest unit that keeps it exact: "60 s", "1.5 ms" is "1500 us"."""
    return _show(span, _TIME, "ns")


def show_bits(count: int) -> str:
    """Write an amount of key exactly: "256 bit", "16 kbit"."""
    return _show(count, {unit: scale for unit, scale in _DATA.items() if unit.endswith("bit")}, "bit")


def show_rate(rate: int) -> str:
    """Write a rate exactly: "64 kbit/s"."""
    return f"{show_bits(rate)}/s"


def _show(value: int, scales: Mapping[str, int], smallest: str) -> str:
    fitting = [unit for unit, scale in scales.items() if value and value % scale == 0]
    unit = max(fitting, key=lambda name: scales[name], default=smallest)
    return f"{value // scales[unit]} {unit}"


QUANTITIES: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "duration": parse_duration,
        "bits": parse_bits,
        "rate": parse_rate,
        "length": parse_kilometres,
        "width": parse_metres,
        "wavelength": parse_nanometres,
        "angle": parse_radians,
        "power": parse_watts,
        "radiance": parse_radiance,
        "turbulence": parse_turbulence,
        "frequency": parse_hertz,
        "loss": parse_decibels,
        "attenuation": parse_attenuation,
        "share": parse_share,
        "number": parse_number,
    }
)
"""The kinds of quantity a file may hold, by name: the JSON Schemas are made from these."""

UNITS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "duration": tuple(_TIME),
        "bits": tuple(_DATA),
        "rate": tuple(_RATE),
        "length": tuple(_LENGTH),
        "width": tuple(_APERTURE),
        "wavelength": tuple(_WAVELENGTH),
        "angle": tuple(_ANGLE),
        "power": tuple(_POWER),
        "radiance": tuple(_RADIANCE),
        "turbulence": tuple(_TURBULENCE),
        "frequency": tuple(_FREQUENCY),
        "loss": tuple(_LOSS),
        "attenuation": tuple(_ATTENUATION),
        "share": tuple(_SHARE),
        "number": tuple(_NUMBER),
    }
)
"""The units that each kind of quantity takes; "" = it may stand without one."""
