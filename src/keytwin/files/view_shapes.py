"""Kinds of values that only the files of views have: "retry if noisy", "qubit to measure", "~quantum-port"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

import msgspec

from keytwin.design.model import Carried, Direction, ElementId, End
from keytwin.files.kinds import Kind, Plain, Schema, name_schema
from keytwin.files.nodes import Entry, ListNode, Node
from keytwin.files.page import Declared, Page, Unread
from keytwin.files.shapes import Record, or_empty
from keytwin.vocabulary.identity import parse_name

T = TypeVar("T")


def parse_element(text: str) -> ElementId:
    """Return the identifier of an element; Mistake when it is none."""
    return ElementId(parse_name(text, "an element"))


class Then(msgspec.Struct, frozen=True):
    """What comes next, and on what condition."""

    target: str
    guard: str = ""


class Gives(msgspec.Struct, frozen=True):
    """What is handed on, and to which step."""

    item: ElementId
    target: str


class PortKindSaid(msgspec.Struct, frozen=True):
    """The kind of a port; conjugated when a `~` stands before it."""

    kind: ElementId
    is_conjugated: bool = False


@dataclass(frozen=True, slots=True)
class Additions(Generic[T]):
    """A mapping from identifiers to records, in which what the shared file declares may be referred to as well."""

    kind: str
    record: Record[T]
    also: tuple[str, ...] = ()
    """Further kinds of name that they are, such as "element"."""
    attribute: str = "id"

    def read(self, node: Node, page: Page) -> tuple[T, ...]:
        """Read every entry; all are declared first, so that they may refer to one another in any order."""
        entries = page.entries(node, f"a mapping from the name of each {self.kind}")
        declared = [entry for entry in entries if self._is_new(entry, page)]
        return tuple(value for entry in declared for value in self._values(entry, page))

    def schema(self) -> Schema:
        """Describe an object of records."""
        record = or_empty(self.record.schema())
        return {"type": "object", "propertyNames": name_schema(), "additionalProperties": record}

    def write(self, value: object) -> Plain:
        """Write name and record of each value."""
        held = cast(tuple[object, ...], value)
        return {str(getattr(each, self.attribute)): self.record.write(each) for each in held}

    def _is_new(self, entry: Entry, page: Page) -> bool:
        text, place = entry.key.text, entry.key.place
        with suppress(Unread):
            page.parsed(parse_element, entry.key)
        # The shared file comes first, so whatever is known by now is shared.
        if text in (page.names.get(self.kind) or {}):
            page.report(place, f"the {self.kind} {text!r} is shared by all views", "add to it under 'adds', or rename")
            return False
        # Declared even when it is no proper name: else every place that refers to it would be told of as well.
        for kind in (self.kind, *self.also):
            page.declare(kind, text, Declared(text, place))
        return True

    def _values(self, entry: Entry, page: Page) -> Iterator[T]:
        with suppress(Unread):
            yield self.record.read_as(entry.value, page, {self.attribute: entry.key.text})


@dataclass(frozen=True, slots=True)
class Several(Generic[T]):
    """One value, or a list of them."""

    what: str
    item: Kind[T]

    def read(self, node: Node, page: Page) -> tuple[T, ...]:
        """Read each that can be read."""
        # Most of these lists have one entry, for which brackets would only be noise.
        nodes = node.items if isinstance(node, ListNode) else (node,)
        read = (page.attempt(self.item, each) for each in nodes)
        return tuple(each for each in read if each is not None)

    def schema(self) -> Schema:
        """Allow both ways."""
        one = self.item.schema()
        return {"anyOf": [one, {"type": "array", "items": one}]}

    def write(self, value: object) -> Plain:
        """Write a list, unless there is only one."""
        written = [self.item.write(each) for each in cast(tuple[object, ...], value)]
        return written[0] if len(written) == 1 else list(written)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The next step: `measure`, or `abort if the error rate is too high`."""

    def read(self, node: Node, page: Page) -> Then:
        """Look the step up."""
        found = page.text(node, "the next step")
        # The first ` if ` parts them: a name of a step has no space, whereas a guard is free text.
        target, _, guard = found.text.partition(" if ")
        return Then(page.look_up("step", target.strip(), found.place), guard.strip())

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": r"^\S+( if .+)?$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, Then)
        return f"{value.target} if {value.guard}" if value.guard else value.target


@dataclass(frozen=True, slots=True)
class Handed:
    """What is handed on: `qubit to measure`."""

    def read(self, node: Node, page: Page) -> Gives:
        """Look item and step up."""
        found = page.text(node, "what is handed on")
        item, said, target = found.text.partition(" to ")
        if not said:
            raise page.refusal(found.place, f"{found.text!r} names no step", "write it as 'qubit to measure'")
        known = page.look_up("item", item.strip(), found.place)
        return Gives(ElementId(known), page.look_up("step", target.strip(), found.place))

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": r"^\S+ to \S+$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, Gives)
        return f"{value.item} to {value.target}"


@dataclass(frozen=True, slots=True)
class PortText:
    """The kind of a port: `quantum-port`, or `~quantum-port` where what flows comes in."""

    def read(self, node: Node, page: Page) -> PortKindSaid:
        """Look the kind up."""
        found = page.text(node, "the kind of a port")
        kind = page.look_up("port kind", found.text.removeprefix("~").strip(), found.place)
        return PortKindSaid(ElementId(kind), found.text.startswith("~"))

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": r"^~?\S+$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, PortKindSaid)
        return f"~{value.kind}" if value.is_conjugated else value.kind


_FLOW: Final = re.compile(r"(\S+)\s+(in|out|inout)")


@dataclass(frozen=True, slots=True)
class FlowText:
    """What flows, and which way: `qubit out`."""

    def read(self, node: Node, page: Page) -> Carried:
        """Look the item up; it gives the flow its name."""
        found = page.text(node, "what flows")
        said = _FLOW.fullmatch(found.text.strip())
        if not said:
            raise page.refusal(found.place, f"{found.text!r} says not what flows which way", "write it as 'qubit out'")
        item = ElementId(page.look_up("item", said[1], found.place))
        return Carried(item, item, Direction(said[2]))

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": r"^\S+\s+(in|out|inout)$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, Carried)
        return f"{value.item} {value.direction.value}"


@dataclass(frozen=True, slots=True)
class EndText:
    """One end of a connector: `system.alice`, or `system.alice / classical` with a port."""

    def read(self, node: Node, page: Page) -> End:
        """Look the part up; whether it has the port is seen when all is read."""
        found = page.text(node, "an end")
        part, _, port = found.text.partition("/")
        return End(ElementId(page.look_up("part", part.strip(), found.place)), port.strip())

    def schema(self) -> Schema:
        """Describe the text."""
        return {"type": "string", "pattern": r"^[^/]+(/[^/]+)?$"}

    def write(self, value: object) -> Plain:
        """Write the text."""
        assert isinstance(value, End)
        return f"{value.part} / {value.port}" if value.port else value.part


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """A mapping from free names to values: the ports of a block, the properties, the bindings of an equation."""

    what: str
    value: Kind[T]

    def read(self, node: Node, page: Page) -> dict[str, T]:
        """Read each value that can be read."""
        # A value that cannot be read is left out after it was told, so that the rest is looked at in the same run.
        read = {each.key.text: page.attempt(self.value, each.value) for each in page.entries(node, self.what)}
        return {name: value for name, value in read.items() if value is not None}

    def schema(self) -> Schema:
        """Describe an object."""
        return {"type": "object", "additionalProperties": or_empty(self.value.schema())}

    def write(self, value: object) -> Plain:
        """Write each value under its name."""
        return {name: self.value.write(each) for name, each in cast(dict[str, object], value).items()}


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of names that are referred to here, and are of a further kind from here on: the lanes of an activity."""

    kind: str
    declared: str

    def read(self, node: Node, page: Page) -> tuple[ElementId, ...]:
        """Look each name up."""
        # Lanes are known from here on only: a file has one activity, and those of another are none of its own.
        page.names[self.declared] = {}
        found: dict[ElementId, None] = {}
        for each in page.items(node, f"a list of each {self.declared}"):
            with suppress(Unread):
                text = page.text(each, f"the name of a {self.kind}")
                page.declare(self.declared, text.text, Declared(text.text, text.place))
                found[ElementId(page.look_up(self.kind, text.text, text.place))] = None
        return tuple(found)

    def schema(self) -> Schema:
        """Describe an array of names."""
        return {"type": "array", "items": name_schema()}

    def write(self, value: object) -> Plain:
        """Write the names."""
        return [str(each) for each in cast(tuple[str, ...], value)]
