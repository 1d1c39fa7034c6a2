"""What a value in a file may be: each kind reads a node, publishes its JSON Schema and writes a value back.

This file holds the kinds of single texts; `shapes.py` holds those made of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

from keytwin.files.nodes import Node
from keytwin.files.page import Declared, Page
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LONGEST_NAME
from keytwin.vocabulary.units import (
    UNITS,
    Bits,
    BitsPerSecond,
    Decibels,
    DecibelsPerKilometre,
    Duration,
    Instant,
    Kilometres,
    parse_attenuation,
    parse_bits,
    parse_count,
    parse_decibels,
    parse_duration,
    parse_hertz,
    parse_kilometres,
    parse_metres,
    parse_nanometres,
    parse_number,
    parse_radiance,
    parse_radians,
    parse_rate,
    parse_share,
    parse_turbulence,
    parse_watts,
    show_bits,
    show_duration,
    show_rate,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=StrEnum)

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Schema: TypeAlias = dict[str, Json]
Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"
"""What is written to a file: texts, lists and mappings of texts."""

LONGEST_TEXT: Final = 4_000  # characters of an `about`
_NUMBER_PATTERN: Final = r"[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?"


class Kind(Protocol[T_co]):
    """A description of values, used three ways."""

    def read(self, node: Node, page: Page) -> T_co:
        """Return the value; what is wrong is reported on the page, and Unread when nothing remains."""
        ...

    def schema(self) -> Schema:
        """Return a JSON Schema (2020-12) of what an editor's YAML parser makes of the value."""
        ...

    def write(self, value: object) -> Plain:
        """Return what reads back as `value`, which this kind could have read."""
        ...


@dataclass(frozen=True, slots=True)
class Scalar(Generic[T]):
    """A value written as one text."""

    what: str  # as in "a rate", for messages
    parse: Callable[[str], T]
    show: Callable[[T], str]
    described: Schema
    units: tuple[str, ...] = ()  # "" = none is needed
    bounds: str = ""  # the least and the most, for people

    def read(self, node: Node, page: Page) -> T:
        """Parse the text; what the parser says is reported at the text's place."""
        return page.parsed(self.parse, page.text(node, self.what))

    def schema(self) -> Schema:
        """Return a copy of what was described."""
        return dict(self.described)

    def write(self, value: object) -> Plain:
        """Show the value exactly."""
        # Fields hold kinds of any type, so `write` takes an object; what it gets has the type that `read` returns.
        return self.show(cast(T, value))


# --- quantities -----------------------------------------------------------------------------------------------------


def quantity(name: str, what: str, parse: Callable[[str], T], show: Callable[[T], str]) -> Scalar[T]:
    """Return the kind of a number with a unit; `name` is that of `units.UNITS`."""
    # An editor sees "0.1" as a number and "6e-7" as a text, so where no unit is needed both are allowed.
    units = "|".join(unit for unit in UNITS[name] if unit)
    pattern = rf"^\s*{_NUMBER_PATTERN}\s*({units}){'?' if '' in UNITS[name] else ''}\s*$"
    written: Schema = {"type": "string", "pattern": pattern}
    described: Schema = {"anyOf": [{"type": "number", "minimum": 0}, written]} if "" in UNITS[name] else written
    return Scalar(what, parse, show, described, UNITS[name])


def within(kind: Scalar[T], least: T, most: T) -> Scalar[T]:
    """Narrow a kind to the values from `least` to `most`; a zero time-out, say, would never let anything happen."""
    bounds = f"{kind.show(least)} to {kind.show(most)}"

    def parse(text: str) -> T:
        value = kind.parse(text)
        if not cast(float, least) <= cast(float, value) <= cast(float, most):
            raise Mistake(f"{text.strip()!r} is out of range: write {kind.what} from {bounds}")
        return value

    return Scalar(kind.what, parse, kind.show, kind.described, kind.units, bounds)


def show_number(value: float) -> str:
    """Write a float so that it reads back to the same float: "20", "0.2", "1e-10"."""
    return repr(float(value)).removesuffix(".0")


def _show_share(value: float) -> str:
    # Per cent where that is exact and short, as people write it; else the number itself, which always reads back.
    percent = f"{value * 100:.10g}"
    return f"{percent} %" if float(parse_share(f"{percent} %")) == value and "e" not in percent else show_number(value)


def _whole_octets(text: str) -> Bits:
    amount = parse_bits(text)
    if amount % 8:
        raise Mistake(f"{text.strip()!r} is not a whole number of octets: write a multiple of 8 bit")
    return amount


def _show_time(value: int) -> str:
    return show_duration(value) if value else "0 s"


def _in_small(unit: str, scale: float, large: str, parse: Callable[[str], float]) -> Callable[[float], str]:
    """Return what writes a value in a unit of which `scale` make the `large` one, where that reads back exactly."""

    def show(value: float) -> str:
        text = f"{value * scale:.10g} {unit}"
        is_small = value < 1 and "e" not in text and parse(text) == value
        return text if is_small else f"{show_number(value)} {large}"

    return show


DURATION: Final = quantity("duration", "a time", parse_duration, _show_time)
INSTANT: Final = quantity("duration", "a time", lambda text: Instant(parse_duration(text)), _show_time)
BITS: Final = quantity("bits", "an amount of key", parse_bits, show_bits)
KEY_SIZE: Final = within(quantity("bits", "the size of a key", _whole_octets, show_bits), Bits(64), Bits(65_536))
RATE: Final = quantity("rate", "a rate", parse_rate, show_rate)
LENGTH: Final = quantity("length", "a length", parse_kilometres, lambda value: f"{show_number(value)} km")
LOSS: Final = quantity("loss", "a loss", parse_decibels, lambda value: f"{show_number(value)} dB")
ATTENUATION: Final = quantity(
    "attenuation", "an attenuation", parse_attenuation, lambda value: f"{show_number(value)} dB/km"
)
WIDTH: Final = quantity("width", "a width", parse_metres, lambda value: f"{show_number(value)} m")
WAVELENGTH: Final = quantity("wavelength", "a wavelength", parse_nanometres, lambda value: f"{show_number(value)} nm")
ANGLE: Final = quantity("angle", "an angle", parse_radians, _in_small("urad", 1e6, "rad", parse_radians))
POWER: Final = quantity("power", "a power", parse_watts, _in_small("mW", 1e3, "W", parse_watts))
RADIANCE: Final = quantity("radiance", "a radiance", parse_radiance, lambda value: f"{show_number(value)} W/m2/sr/nm")
TURBULENCE: Final = quantity(
    "turbulence", "a strength of turbulence", parse_turbulence, lambda value: f"{show_number(value)} m-2/3"
)
FREQUENCY: Final = quantity("frequency", "a frequency", parse_hertz, lambda value: f"{show_number(value)} Hz")
SHARE: Final = quantity("share", "a share from 0 to 1", parse_share, _show_share)
NUMBER: Final = quantity("number", "a plain number", parse_number, show_number)

LONGEST: Final = Duration(3_650 * 86_400 * 10**9)  # ten years
SOME_TIME: Final = within(DURATION, Duration(1_000_000), LONGEST)
"""A period or time-out: at least a millisecond, or a simulated hour would never end."""
POSITIVE_RATE: Final = within(RATE, BitsPerSecond(1), BitsPerSecond(10**15))
POSITIVE_BITS: Final = within(BITS, Bits(8), Bits(10**15))
GROUND_LENGTH: Final = within(LENGTH, Kilometres(0.0), Kilometres(100_000.0))
BEARABLE_LOSS: Final = within(LOSS, Decibels(0.0), Decibels(300.0))  # 1e-30: not a photon an age
FIBRE_LOSS: Final = within(ATTENUATION, DecibelsPerKilometre(0.0), DecibelsPerKilometre(100.0))


def count(least: int, most: int) -> Scalar[int]:
    """Return the kind of a whole number without a unit."""
    described: Schema = {"type": "integer", "minimum": least, "maximum": most}
    bounds = f"{least} to {most}"
    return Scalar("a whole number", lambda text: parse_count(text, least, most), str, described, bounds=bounds)


# --- words ----------------------------------------------------------------------------------------------------------


def _free_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise Mistake(f"this text has {len(text)} characters: {LONGEST_TEXT} is the most")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise Mistake("a number without a source is a guess: say where it comes from")
    return _free_text(text)


SOURCE: Final = Scalar("a text", _said, str, {"type": "string", "minLength": 1})
TEXT: Final = Scalar("a text", _free_text, str, {"type": ["string", "number", "boolean"]})


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One of some words; when several mean the same, the first is written."""

    what: str
    words: Mapping[str, T]

    def read(self, node: Node, page: Page) -> T:
        """Find the word, or report it with the nearest one."""
        found = page.text(node, self.what)
        if found.text in self.words:
            return self.words[found.text]
        raise page.refusal(found.place, f"unknown {self.what} {found.text!r}", page.hint(found.text, self.words))

    def schema(self) -> Schema:
        """List the words."""
        return {"enum": list(self.words)}

    def write(self, value: object) -> Plain:
        """Return the word."""
        return next(word for word, meant in self.words.items() if meant == value)


def choice(what: str, words: type[E]) -> Choice[E]:
    """Return the kind of one word of an enumeration."""
    return Choice(what, {word.value: word for word in words})


@dataclass(frozen=True, slots=True)
class Flag(Choice[bool]):
    """True or false: an editor's YAML parser makes a boolean of the first two words, and maybe of the others."""

    def schema(self) -> Schema:
        """Allow the words and what a YAML parser makes of them."""
        return {"enum": [True, False, "yes", "no"]}


FLAG: Final = Flag("answer", {"true": True, "false": False, "yes": True, "no": False})


def name(what: str, parse: Callable[[str], T]) -> Scalar[T]:
    """Return the kind of a name that is declared here; an editor's YAML parser may see a number in it."""
    return Scalar(what, parse, str, name_schema())


def name_schema() -> Schema:
    """Describe a name."""
    pattern = r"^(?!.*--)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
    return {"type": ["string", "number", "boolean"], "pattern": pattern, "maxLength": LONGEST_NAME}


@dataclass(frozen=True, slots=True)
class Reference(Generic[T]):
    """A name that was declared elsewhere: in this file, in the library or by a plug-in."""

    what: str  # the kind of thing, such as "node"
    make: Callable[[str], T]

    def read(self, node: Node, page: Page) -> T:
        """Look the name up; an unknown one is reported with the nearest."""
        found = page.text(node, f"the {self.what}'s name")
        return self.make(page.look_up(self.what, found.text, found.place))

    def schema(self) -> Schema:
        """Say what a name looks like: which ones are declared, a schema cannot know."""
        return name_schema()

    def write(self, value: object) -> Plain:
        """Return the name."""
        return str(value)


def names_from(known: Iterable[str]) -> dict[str, Declared]:
    """Return names that no file declares, such as those of the device library."""
    return {each: Declared(each) for each in known}
