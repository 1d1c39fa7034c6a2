"""How structure is written in the file of a view: items, ports, blocks, parts, requirements, equations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.design.model import ElementId, Method
from keytwin.files.kinds import FLAG, TEXT, Choice, Plain, Reference, Schema, choice, name
from keytwin.files.nodes import Node, TextNode, find
from keytwin.files.page import Page, Unread
from keytwin.files.shapes import Field, Record
from keytwin.files.view_said import (
    AddedSaid,
    BlockSaid,
    BoundTo,
    ConnectorSaid,
    EquationSaid,
    ItemSaid,
    PartSaid,
    PortKindFile,
    PropertySaid,
    RequirementSaid,
    VerificationSaid,
)
from keytwin.files.view_shapes import Additions, EndText, FlowText, Named, PortText, Several
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import QUANTITIES


@dataclass(frozen=True, slots=True)
class Valued:
    """A property: a quantity, and a value that is one."""

    record: Record[PropertySaid]

    def read(self, node: Node, page: Page) -> PropertySaid:
        """Read the property and see that its value is of its quantity."""
        said = self.record.read(node, page)
        written = find(node, "value")
        # The value stays text in the model, as SysML wants it with its unit; here it is only seen to be one.
        if said.quantity != "text" and isinstance(written, TextNode) and written.text:
            page.parsed(QUANTITIES[said.quantity], written)
        # An empty value is to be found out later, and nobody can say yet where it will come from.
        if said.value and not said.source:
            page.report(node.place, "a value without a source is a guess", "say under 'source' where it comes from")
        return said

    def schema(self) -> Schema:
        """Describe the record."""
        return self.record.schema()

    def write(self, value: object) -> Plain:
        """Write the record."""
        return self.record.write(value)


@dataclass(frozen=True, slots=True)
class BindingText:
    """The property that a parameter is: `fibre / loss`."""

    def read(self, node: Node, page: Page) -> BoundTo:
        """Look the block up; whether it has the property is seen when all is read."""
        found = page.text(node, "the property of a block")
        # A slash and no dot: names of blocks may hold dots.
        block, _, prop = found.text.partition("/")
        if not prop.strip():
            raise page.refusal(found.place, f"{found.text!r} names no property", "write it as 'fibre / loss'")
        return BoundTo(ElementId(page.look_up("block", block.strip(), found.place)), prop.strip())

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": "^[^/]+/[^/]+$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, BoundTo)
        return f"{value.block} / {value.property}"


@dataclass(frozen=True, slots=True)
class Most:
    """The most parts there may be; `any` = as many as are wanted."""

    def read(self, node: Node, page: Page) -> int | str:
        """Read the number; the word stays one, since None would mean that nothing could be read."""
        return page.parsed(_most, page.text(node, "a number of parts"))

    def schema(self) -> Schema:
        """Describe the number or the word."""
        return {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "any"}]}

    def write(self, value: object) -> Plain:
        """Write the number or the word."""
        return str(value)


def _most(text: str) -> int | str:
    if text == "any":
        return text
    # Digits of other scripts pass `isdigit`, and would be written back otherwise than they were read.
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000:
        raise Mistake(f"{text!r} is no number of parts: write 1 to 1000, or 'any'")
    return int(text)


def _number(text: str) -> int:
    # Nought is a least number, of what may be left out, but no most number.
    found = 0 if text == "0" else _most(text)
    if isinstance(found, str):
        raise Mistake("'any' is no least number: write 0 to 1000")
    return found


_LEAST: Final = name("a number of parts", _number)
ITEM_NAME: Final = Reference("item", ElementId)
BLOCK_NAME: Final = Reference("block", ElementId)
PART_NAME: Final = Reference("part", ElementId)
ELEMENT_NAME: Final = Reference("element", ElementId)
NAME: Final = Field("name", TEXT, "its name, for people", required=True, stand_in="")
ABOUT: Final = Field("about", TEXT, "what it is")

PROPERTY: Final = Valued(
    Record(
        "a property",
        PropertySaid,
        (
            Field(
                "quantity",
                Choice("quantity", {each: each for each in (*QUANTITIES, "text")}),
                "of what kind it is",
                required=True,
                stand_in="text",
            ),
            Field("value", TEXT, "with its unit; empty = to be found"),
            Field("source", TEXT, "where the value comes from"),
        ),
    )
)
PORTS: Final = Field("ports", Named("a mapping from the name of each port", PortText()), "by name, the kind of each")
PROPERTIES: Final = Field("properties", Named("a mapping from the name of each property", PROPERTY), "by name")

ITEM: Final = Record("an item", ItemSaid, (NAME, Field("nature", TEXT, "quantum or classical", required=True), ABOUT))
PORT_KIND: Final = Record(
    "a kind of port",
    PortKindFile,
    (
        NAME,
        Field("nature", TEXT, "quantum or classical", required=True),
        Field("carries", Several("what flows", FlowText()), "what flows and which way", required=True),
        Field("exclusive", FLAG, "whether it takes one connector only", attribute="is_exclusive"),
        ABOUT,
    ),
)
BLOCK: Final = Record(
    "a block",
    BlockSaid,
    (NAME, Field("general", BLOCK_NAME, "the block that it is a special case of"), PORTS, PROPERTIES, ABOUT),
)
# Without a name: a block that is added to has one already, and two would be two descriptions.
ADDED: Final = Record("what is added to a block", AddedSaid, (PORTS, PROPERTIES))
PART: Final = Record(
    "a part",
    PartSaid,
    (
        NAME,
        # The block comes before its kind, as a person says it: a part of the system, which is a transmitter.
        Field("of", BLOCK_NAME, "the block that it is a part of", attribute="owner", required=True),
        Field("block", BLOCK_NAME, "its kind", required=True),
        Field("least", _LEAST, "how many there are at least"),
        Field("most", Most(), "how many there are at most; 'any' = no limit"),
        ABOUT,
    ),
)
CONNECTOR: Final = Record(
    "a connector",
    ConnectorSaid,
    (
        Field("name", TEXT, "its name"),
        Field("of", BLOCK_NAME, "the block in which it lies", attribute="owner", required=True),
        Field("from", EndText(), "one end", attribute="source", required=True),
        Field("to", EndText(), "the other end", attribute="target", required=True),
        Field("flows", Several("what flows", FlowText()), "what flows, as the first end sees it"),
    ),
)
VERIFICATION: Final = Record(
    "a verification",
    VerificationSaid,
    (
        NAME,
        Field("method", choice("method", Method), "how it is found out", required=True),
        Field("measures", TEXT, "what is compared, in words", required=True),
    ),
)
REQUIREMENT: Final = Record(
    "a requirement",
    RequirementSaid,
    (
        NAME,
        Field("text", TEXT, "what must hold", required=True),
        Field("subject", BLOCK_NAME, "the block of which it must hold", required=True),
        Field("derived_from", Several("a requirement", Reference("requirement", ElementId)), "what it follows from"),
        Field("satisfied_by", Several("an element", ELEMENT_NAME), "the parts or blocks that see to it"),
        Field("verified", Additions("verification", VERIFICATION, ("element",)), "how it is verified"),
    ),
)
EQUATION: Final = Record(
    "an equation",
    EquationSaid,
    (
        NAME,
        Field("expression", TEXT, "the relation", required=True),
        Field("parameters", Named("a mapping from the name of each parameter", PROPERTY), "by name", required=True),
        Field("bindings", Named("a mapping from parameters", BindingText()), "the properties that they are"),
        ABOUT,
    ),
)
STRUCTURE: Final = (
    Field("items", Additions("item", ITEM, ("element",)), "what flows"),
    Field("port_kinds", Additions("port kind", PORT_KIND, ("element",)), "what may be joined to what"),
    Field("blocks", Additions("block", BLOCK, ("element",)), "kinds of part"),
)
PARTS: Final = Field("parts", Additions("part", PART, ("element",)), "the parts of blocks")


@dataclass(frozen=True, slots=True)
class AddedTo:
    """What is added to shared blocks, by their names."""

    def read(self, node: Node, page: Page) -> tuple[AddedSaid, ...]:
        """Look each block up and read what is added."""
        found = []
        for each in page.entries(node, "a mapping from the name of each block"):
            try:
                block = page.look_up("block", each.key.text, each.key.place)
                found.append(ADDED.read_as(each.value, page, {"id": ElementId(block)}))
            # What is wrong with one block hides nothing of the others: all mistakes are told at once.
            except Unread:
                continue
        return tuple(found)

    def schema(self) -> Schema:
        """Describe an object of records."""
        return {"type": "object", "additionalProperties": ADDED.schema()}

    def write(self, value: object) -> Plain:
        """Write each block's additions."""
        assert isinstance(value, tuple)
        return {each.id: ADDED.write(each) for each in value}
