"""Kinds made of other kinds: records with named fields, mappings from names to records, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass
from dataclasses import fields as fields_of_dataclass
from functools import cache
from typing import Final, Generic, TypeVar, cast

import msgspec

from keytwin.files.kinds import Json, Kind, Plain, Schema, name_schema
from keytwin.files.nodes import Entry, Node, Place, RefusedNode, TextNode, is_empty
from keytwin.files.page import Declared, Page, Unread

T = TypeVar("T")

NO_DEFAULT: Final = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record. What it holds when left out is the default of the value's own type."""

    name: str
    kind: Kind[object]
    doc: str
    attribute: str = ""  # of the value, when it differs from the name
    required: bool = False
    stand_in: object = NO_DEFAULT  # taken for a required field that is missing or wrong, so that the rest gets checked

    @property
    def target(self) -> str:
        """The attribute of the value."""
        return self.attribute or self.name


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A mapping with known keys: unknown, missing and wrong ones are all reported."""

    what: str  # as in "a link", for messages
    make: Callable[..., T]
    fields: tuple[Field, ...]

    def read(self, node: Node, page: Page) -> T:
        """Read all fields, in the order of the description so that names are declared before they are referred to."""
        return self.read_as(node, page, {})

    def read_as(self, node: Node, page: Page, given: Mapping[str, object]) -> T:
        """Read a record of which some attributes are given from outside, such as its name."""
        entries = self._by_field(page.entries(node, f"a mapping that describes {self.what}"), page)
        values = dict(given)
        for field in self.fields:
            value = self._value(field, entries.get(field.name), node.place, page)
            if value is not NO_DEFAULT:
                values[field.target] = value
        # Only a required field without a stand-in leaves nothing to go on with; all the others have been looked at.
        if any(field.required and field.target not in values for field in self.fields):
            raise Unread
        return self.make(**values)

    def schema(self) -> Schema:
        """Describe an object that allows no other key."""
        return {
            "type": "object",
            "properties": {field.name: self._field_schema(field) for field in self.fields},
            "required": [field.name for field in self.fields if field.required],
            "additionalProperties": False,
        }

    def write(self, value: object) -> Plain:
        """Write what differs from the defaults; nothing at all when nothing does."""
        written: dict[str, Plain] = {}
        for field in self.fields:
            held = getattr(value, field.target)
            if field.required or held != default_of(self.make, field.target):
                written[field.name] = field.kind.write(held)
        return written or ""

    def _by_field(self, entries: tuple[Entry, ...], page: Page) -> dict[str, Entry]:
        """Return the entries by the fields they are for; a misspelt key stands for the nearest, and is reported."""
        valid = [field.name for field in self.fields]
        found = {entry.key.text: entry for entry in entries if entry.key.text in valid}
        for entry in entries:
            key = entry.key.text
            if key not in valid:
                # Taken for the key that was meant, a misspelt one isn't reported as missing besides.
                page.report(entry.key.place, f"unknown key {key!r} in {self.what}", page.hint(key, valid))
                found.setdefault(page.nearest(key, valid), Entry(entry.key, RefusedNode(entry.key.place)))
        return found

    def _value(self, field: Field, entry: Entry | None, place: Place, page: Page) -> object:
        if entry is None or is_empty(entry.value):
            if field.required:
                where = entry.key.place if entry else place
                said = f"{field.name!r} has no value" if entry else f"{field.name!r} is missing in {self.what}"
                page.report(where, said, field.doc)
            return field.stand_in
        value = page.attempt(field.kind, entry.value)
        return field.stand_in if value is None else value

    def _field_schema(self, field: Field) -> Schema:
        schema: Schema = {"description": field.doc, **field.kind.schema()}
        if field.required:
            return schema
        default = default_of(self.make, field.target)
        written = "" if default in (NO_DEFAULT, None) else field.kind.write(default)
        return or_empty({**schema, "default": _as_seen(written, schema)} if written else schema)


def _as_seen(written: Plain, schema: Schema) -> Json:
    """Return what an editor's YAML parser makes of a text where the schema wants a number or a boolean."""
    either = schema.get("anyOf")
    is_number = isinstance(either, list) and any(
        isinstance(one, dict) and one.get("type") == "integer" for one in either
    )
    if schema.get("type") == "integer" or (is_number and str(written).isdecimal()):
        return int(cast(str, written))
    words = schema.get("enum")
    is_flag = isinstance(words, list) and True in words
    return written == "true" if is_flag else cast(Json, written)


_SAID: Final = ("description", "default")


def or_empty(schema: Schema) -> Schema:
    """Allow an empty value, which means all defaults."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return {**schema, "type": [kinds, "null"]}
    if isinstance(kinds, list):
        return {**schema, "type": [*kinds, "null"]}
    rest: Schema = {key: value for key, value in schema.items() if key not in _SAID}
    said: Schema = {key: value for key, value in schema.items() if key in _SAID}
    return {**said, "anyOf": [rest, {"type": "null"}]}


@cache  # msgspec works out a type's annotations anew each time it is asked, and a network asks for each of its links
def default_of(make: Callable[..., object], attribute: str) -> object:
    """Return the default of a field of a msgspec struct or a dataclass, or NO_DEFAULT."""
    if isinstance(make, type) and issubclass(make, msgspec.Struct):
        found = next((each for each in msgspec.structs.fields(make) if each.name == attribute), None)
        return NO_DEFAULT if found is None or found.default is msgspec.NODEFAULT else found.default
    if isinstance(make, type) and hasattr(make, "__dataclass_fields__"):
        default = next((each.default for each in fields_of_dataclass(make) if each.name == attribute), MISSING)
        return NO_DEFAULT if default is MISSING else default
    return NO_DEFAULT


@dataclass(frozen=True, slots=True)
class Entries(Generic[T]):
    """A mapping from names to records, each of which carries its name: `nodes`, `users`, `apps`."""

    kind: str  # of thing that is declared, such as "node"
    parse: Callable[[str], str]
    record: Record[T]
    attribute: str = "id"
    least: int = 0

    def read(self, node: Node, page: Page) -> tuple[T, ...]:
        """Read every entry; each name is declared, even one whose entry is wrong, so that a mistake is told once."""
        page.names[self.kind] = None
        entries = page.entries(node, f"a mapping from the name of each {self.kind}")
        page.names[self.kind] = {entry.key.text: self._declared(entry, page) for entry in entries}
        if len(entries) < self.least:
            page.report(node.place, f"no {self.kind} is declared here", f"at least {self.least} is needed")
        return tuple(value for entry in entries for value in self._values(entry, page))

    def schema(self) -> Schema:
        """Describe an object of records."""
        record = or_empty(self.record.schema())
        made: Schema = {"type": "object", "propertyNames": name_schema(), "additionalProperties": record}
        return made | {"minProperties": self.least} if self.least else made

    def write(self, value: object) -> Plain:
        """Write name and record of each value."""
        held = cast(tuple[object, ...], value)
        return {str(getattr(each, self.attribute)): self.record.write(each) for each in held}

    def _declared(self, entry: Entry, page: Page) -> Declared:
        """Take the name; one that is none is reported and taken all the same."""
        before = len(page.mistakes)
        with suppress(Unread):
            page.parsed(self.parse, entry.key)
        return Declared(entry.key.text, entry.key.place, is_wrong=len(page.mistakes) > before)

    def _values(self, entry: Entry, page: Page) -> Iterator[T]:
        with suppress(Unread):
            yield self.record.read_as(entry.value, page, {self.attribute: entry.key.text})


@dataclass(frozen=True, slots=True)
class Items(Generic[T]):
    """A list."""

    what: str
    item: Kind[T]

    def read(self, node: Node, page: Page) -> tuple[T, ...]:
        """Read every item that can be read."""
        values = []
        for item in page.items(node, self.what):
            with suppress(Unread):
                values.append(self.item.read(item, page))
        return tuple(values)

    def schema(self) -> Schema:
        """Describe an array."""
        return {"type": "array", "items": self.item.schema()}

    def write(self, value: object) -> Plain:
        """Write every item."""
        return [self.item.write(each) for each in cast(tuple[object, ...], value)]


@dataclass(frozen=True, slots=True)
class FormatOne:
    """The number of the format, which comes first in every file."""

    def read(self, node: Node, page: Page) -> int:
        """Report a format that this version doesn't know."""
        found: TextNode = page.text(node, "the number of the format")
        if found.text != "1":
            raise page.refusal(found.place, f"unknown format {found.text!r}", "this version reads 'format: 1'")
        return 1

    def schema(self) -> Schema:
        """The one format there is."""
        return {"const": 1}

    def write(self, value: object) -> Plain:
        """The same."""
        return str(value)
