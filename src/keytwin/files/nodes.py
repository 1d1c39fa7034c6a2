"""What a YAML file says before anyone asks what it means: texts, lists and mappings, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `line` and `column` count from 1, 0 = the file as a whole; `key` is its path inside."""

    file: str
    line: int = 0
    column: int = 0
    key: str = ""

    def shifted(self, columns: int) -> Place:
        """Return the place so many columns further on."""
        return Place(self.file, self.line, self.column + columns, self.key)


@dataclass(frozen=True, slots=True)
class TextNode:
    """A scalar, always as text: `0`, `1_000`, `no` and dates cause no surprise."""

    place: Place
    text: str
    plain: bool = True  # written without quotes and on one line, so a column inside the text can be told

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was written: all defaults."""
        return self.plain and not self.text


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value."""

    key: TextNode
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping: its entries by their keys, in the order of the file."""

    place: Place
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class RefusedNode:
    """Something that has been reported already: nobody need look at it again."""

    place: Place


Node = TextNode | ListNode | MapNode | RefusedNode


def is_empty(node: Node) -> bool:
    """Whether nothing was written here."""
    return isinstance(node, TextNode) and node.is_empty


def find(node: Node | None, *keys: str) -> Node | None:
    """Return what stands under these keys, one inside the other."""
    for key in keys:
        entry = node.entries.get(key) if isinstance(node, MapNode) else None
        node = entry.value if entry else None
    return node


def place_of(root: Node, *keys: str) -> Place:
    """Return where stands what has been read from under these keys."""
    found = find(root, *keys)
    assert found is not None, "what was read stands somewhere"
    return found.place


def merged(base: Node, over: Node) -> Node:
    """Lay `over` on `base`: mappings are merged key by key, anything else is replaced."""
    if not isinstance(base, MapNode) or not isinstance(over, MapNode):
        return base if is_empty(over) else over
    laid = dict(base.entries)
    for key, entry in over.entries.items():
        below = base.entries.get(key)
        laid[key] = Entry(entry.key, merged(below.value, entry.value)) if below else entry
    return MapNode(base.place, laid)
