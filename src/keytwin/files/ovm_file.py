"""The form of an OVM file: what may stand where. `ovm.py` makes an OVM of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import msgspec

from keytwin.design.views import ViewKind
from keytwin.files.kinds import (
    FLAG,
    SOURCE,
    TEXT,
    Choice,
    Kind,
    Plain,
    Reference,
    Scalar,
    Schema,
    choice,
    name,
)
from keytwin.files.nodes import ListNode, Node
from keytwin.files.page import Page
from keytwin.files.shapes import Entries, Field, FormatOne, Items, Record
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import parse_name
from keytwin.vocabulary.units import QUANTITIES, parse_count

WORDS: Final = "text"
"""The quantity of a figure that is words."""
ANY_NUMBER: Final = -1
"""In `choose: 1..*`."""
MOST_VARIANTS: Final = 10_000


class Range(msgspec.Struct, frozen=True):
    """How many variants of a variation point are chosen; `most` is ANY_NUMBER for all there are."""

    least: int = 1
    most: int = 1


class AttributeKind(msgspec.Struct, frozen=True):
    """By what variants are compared."""

    id: str
    quantity: str
    about: str = ""


class Figure(msgspec.Struct, frozen=True):
    """The value of an attribute, with the place it comes from."""

    value: str
    source: str


class VariantFile(msgspec.Struct, frozen=True):
    """A variant as it is written."""

    id: str
    name: str = ""
    about: str = ""
    mandatory: bool = False
    runs_as: str = ""
    sources: tuple[str, ...] = ()
    attributes: Mapping[str, Figure] = MappingProxyType({})


class PointFile(msgspec.Struct, frozen=True):
    """A variation point as it is written."""

    id: str
    view: ViewKind
    name: str = ""
    about: str = ""
    opened_by: str = ""
    mandatory: bool = True
    choose: Range = Range()
    domain_specific: bool = False
    abstracts: str = ""
    variants: tuple[VariantFile, ...] = ()


class DependencyFile(msgspec.Struct, frozen=True):
    """A dependency as it is written: one of `requires` and `excludes` is given."""

    source: str
    reason: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class OvmFile(msgspec.Struct, frozen=True):
    """An OVM file as it is written, with what it extends laid below it."""

    name: str
    about: str = ""
    extends: str = ""
    attributes: tuple[AttributeKind, ...] = ()
    points: tuple[PointFile, ...] = ()
    dependencies: tuple[DependencyFile, ...] = ()
    format: int = 1


# --- kinds of value -------------------------------------------------------------------------------------------------


def _parse_range(text: str) -> Range:
    least, dots, most = text.strip().partition("..")
    try:
        low = parse_count(least, 0, MOST_VARIANTS)
        high = ANY_NUMBER if most.strip() == "*" else parse_count(most, 1, MOST_VARIANTS) if dots else low
    except Mistake:
        raise Mistake(f"{text!r} is no range: write 'least..most', such as '1..2', or '1..*' for any number") from None
    if high != ANY_NUMBER and not max(low, 1) <= high:
        raise Mistake(f"{text!r} allows nothing: write the smaller number first, and no 0 after the dots")
    return Range(low, high)


def _show_range(value: Range) -> str:
    return f"{value.least}..{'*' if value.most == ANY_NUMBER else value.most}"


RANGE: Final = Scalar(
    "how many are chosen",
    _parse_range,
    _show_range,
    {"type": ["string", "integer", "number"], "pattern": r"^\s*[0-9]+(\s*\.\.\s*([0-9]+|\*))?\s*$"},
    bounds="such as `1`, `1..2` or `1..*`",
)


def parse_simple_name(text: str, kind: str) -> str:
    """Return a name without a dot, which stands between a variation point and its variant."""
    if "." in text:
        raise Mistake(f"{text!r} cannot name {kind}: '.' stands between a variation point and its variant; use '-'")
    return parse_name(text, kind)


def _named(kind: str) -> Callable[[str], str]:
    return lambda text: parse_simple_name(text, kind)


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """A name that was declared, or a list of them."""

    item: Reference[str]

    def read(self, node: Node, page: Page) -> tuple[str, ...]:
        """Read every name that can be read."""
        if isinstance(node, ListNode):
            return Items(f"a list of each {self.item.what}", self.item).read(node, page)
        return (self.item.read(node, page),)

    def schema(self) -> Schema:
        """Allow both."""
        return {"anyOf": [self.item.schema(), {"type": "array", "items": self.item.schema()}]}

    def write(self, value: object) -> Plain:
        """Write one by itself, more as a list."""
        names = cast(tuple[str, ...], value)
        return names[0] if len(names) == 1 else list(names)


@dataclass(frozen=True, slots=True)
class Figures:
    """The attributes of a variant: each was declared, and takes values of its quantity."""

    def read(self, node: Node, page: Page) -> dict[str, Figure]:
        """Read each figure by the quantity of its attribute."""
        read: dict[str, Figure] = {}
        for entry in page.entries(node, "a mapping from attributes to values"):
            known = page.names.get(QUANTITY_OF)
            if known is not None and entry.key.text not in known:
                hint = page.hint(entry.key.text, known, "none is declared under 'attributes' of the file")
                page.report(entry.key.place, f"unknown attribute {entry.key.text!r}", hint)
                continue
            quantity = known[entry.key.text].name if known else WORDS
            figure = page.attempt(figure_record(quantity), entry.value)
            if figure is not None:
                read[entry.key.text] = figure
        return read

    def schema(self) -> Schema:
        """Say what a figure looks like; which unit it takes, only the file knows."""
        return {"type": "object", "additionalProperties": figure_record(WORDS).schema()}

    def write(self, value: object) -> Plain:
        """Write what was given."""
        figures = cast(Mapping[str, Figure], value)
        return {key: figure_record(WORDS).write(each) for key, each in figures.items()}


def figure_record(quantity: str) -> Record[Figure]:
    """Describe the value of an attribute of some quantity."""

    def parse(text: str) -> str:
        if quantity in QUANTITIES:
            QUANTITIES[quantity](text)
        return text.strip()

    value: Scalar[str] = Scalar(f"a {quantity}", parse, str, {"type": ["string", "number", "boolean"]})
    return Record(
        "a figure",
        Figure,
        (
            Field("value", value, "its value, with its unit", required=True),
            Field("source", SOURCE, "where it comes from", required=True),
        ),
    )


# --- the file -------------------------------------------------------------------------------------------------------

QUANTITY_OF: Final = "quantity of an attribute"
"""Kind of names on the page: those of attributes, each declared as its quantity."""
CHOICE: Final = "variation point or variant"
OPENER: Final = "variant"
_VARIANT: Final = "variant of this variation point"
_POINT: Final = "variation point"

_SOURCES: Final[Kind[object]] = Items("a list of sources", SOURCE)
_QUANTITY: Final = Choice("quantity", {word: word for word in (*QUANTITIES, WORDS)})

ATTRIBUTE_RECORD: Final = Record(
    "an attribute",
    AttributeKind,
    (
        Field("quantity", _QUANTITY, "the quantity it is, which says what units its values take", required=True),
        Field("about", TEXT, "what it means"),
    ),
)
VARIANT_RECORD: Final = Record(
    "a variant",
    VariantFile,
    (
        Field("name", TEXT, "for people; left out: its identifier"),
        Field("about", TEXT, "what it is"),
        Field("mandatory", FLAG, "whether it is always chosen where its variation point is open"),
        Field("runs_as", TEXT, "what of the running half it is, such as a protocol's name"),
        Field("sources", _SOURCES, "where it was published"),
        Field("attributes", Figures(), "its figures, each with value and source, by the names declared in the file"),
    ),
)
POINT_RECORD: Final = Record(
    "a variation point",
    PointFile,
    (
        Field("name", TEXT, "for people; left out: its identifier"),
        Field("about", TEXT, "what may vary"),
        Field("opened_by", Reference(OPENER, str), "the variant that opens it; left out: it is always open"),
        Field("mandatory", FLAG, "whether it must be decided wherever it is open"),
        Field("choose", RANGE, "how many of its variants are chosen"),
        Field(
            "view", choice("kind of view", ViewKind), "the kind of view that its variants are bound to", required=True
        ),
        Field("domain_specific", FLAG, "whether it speaks of the domain's own technology"),
        Field("abstracts", TEXT, "what of the schematic picture it stands for"),
        Field(
            "variants", Entries(_VARIANT, _named("a variant"), VARIANT_RECORD, least=1), "its variants", required=True
        ),
    ),
)
DEPENDENCY_RECORD: Final = Record(
    "a dependency",
    DependencyFile,
    (
        Field("if", Reference(CHOICE, str), "the variant or variation point that has it", "source", required=True),
        Field("requires", OneOrMore(Reference(CHOICE, str)), "one of these must be chosen too"),
        Field("excludes", OneOrMore(Reference(CHOICE, str)), "none of these may be chosen too"),
        Field("reason", TEXT, "why, in the words of the domain, as a full clause", required=True),
        Field("sources", _SOURCES, "where that is said"),
    ),
)
OVM: Final = Record(
    "an OVM",
    OvmFile,
    (
        Field("format", FormatOne(), "the number of this format: 1", required=True, stand_in=1),
        Field("name", name("an OVM", lambda text: parse_name(text, "an OVM")), "its name", required=True, stand_in=""),
        Field("about", TEXT, "what it is of"),
        Field("extends", TEXT, "an OVM, by its name in the library or the path of its file, that this one adds to"),
        Field(
            "attributes",
            Entries("attribute", _named("an attribute"), ATTRIBUTE_RECORD),
            "what variants are compared by",
        ),
        Field(
            "variation_points",
            Entries(_POINT, _named("a variation point"), POINT_RECORD, least=1),
            "what may vary, each after the variant that opens it",
            attribute="points",
            required=True,
        ),
        Field(
            "dependencies", Items("a list of dependencies", DEPENDENCY_RECORD), "what goes with what, and what does not"
        ),
    ),
)
