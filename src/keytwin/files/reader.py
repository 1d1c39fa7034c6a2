"""YAML 1.2 text to nodes, with limits: tags, anchors, aliases, merge keys and further documents are refused.

ruamel.yaml gives the events of its pure Python parser; it makes no value of them, so every scalar stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from keytwin.files.nodes import Entry, ListNode, MapNode, Node, Place, RefusedNode, TextNode
from keytwin.files.page import Page
from keytwin.files.syntax import explain

LARGEST_FILE: Final = 4 * 1024 * 1024  # octets: room for some ten thousand links
LONGEST_LINE: Final = 65_536  # characters: the parser takes time quadratic in the length of a tag
MOST_VALUES: Final = 100_000  # texts, lists and mappings: ten thousand apps; some seconds of parsing
DEEPEST: Final = 16  # levels; our own files have six

# Also U+0085, U+2028 and U+2029: YAML's idea of a line break differs there from an editor's.
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_nodes(octets: bytes, page: Page, most_values: int = MOST_VALUES) -> Node:
    """Return what a file says; reports and Unread when its YAML cannot be read, one finding then."""
    text = _decoded(octets, page)
    _check_text(text, page)
    # The parser gives one event after the other, so a limit ends a hostile file long before all of it is parsed.
    composer = _Composer(text, page, most_values)
    try:
        return composer.document()
    except MarkedYAMLError as error:
        place, what = explain(error, text)
        raise page.refusal(Place(page.file, *place), what) from None
    except (YAMLError, ValueError, OverflowError):  # an escape or directive with a number that no character has
        raise page.refusal(
            composer.last, "soon after this, YAML that cannot be read: a number too large in an escape"
        ) from None


def _decoded(octets: bytes, page: Page) -> str:
    if len(octets) > LARGEST_FILE:
        raise page.refusal(Place(page.file), f"the file has more than {LARGEST_FILE} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = octets[: error.start].decode("utf-8-sig")
        raise page.refusal(
            _place_at(before, len(before), page.file), "this is not UTF-8: save the file as UTF-8 text"
        ) from None


def _check_text(text: str, page: Page) -> None:
    if not text.strip():
        raise page.refusal(Place(page.file), "the file is empty", "it begins with 'format: 1'")
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        code = f"U+{ord(forbidden[0]):04X}"
        raise page.refusal(
            _place_at(text, forbidden.start(), page.file), f"the character {code} does not belong in such a file"
        )
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            raise page.refusal(
                Place(page.file, number, 1), f"this line has more than {LONGEST_LINE} characters: break it"
            )


def _place_at(text: str, index: int, file: str) -> Place:
    line_start = text.rfind("\n", 0, index) + 1
    return Place(file, text.count("\n", 0, index) + 1, index - line_start + 1)


class _Composer:
    """Turn the events of one document into nodes, and report what is refused on the way."""

    def __init__(self, text: str, page: Page, most_values: int) -> None:
        self._events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self._page = page
        self._values = 0
        self._most_values = most_values
        self.last = Place(page.file, 1, 1)
        """Where the event before the present one stood."""

    def document(self) -> Node:
        """Read the one document; what stands after it is reported."""
        self._next()  # the start of the stream
        start = self._next()
        if not isinstance(start, DocumentStartEvent):
            raise self._page.refusal(
                Place(self._page.file), "the file holds comments only", "it begins with 'format: 1'"
            )
        if start.version or start.tags:
            self._page.report(
                self._place(start, ""), "a YAML directive has no use here: remove the line that begins with '%'"
            )
        root = self._node(self._next(), "", depth=1)
        # The rest is parsed too: a syntax error below the first document is one all the same.
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                self._page.report(self._place(event, ""), "a second document begins here: one file holds one document")
                break
        return root

    def _next(self) -> Event:
        event = next(self._events)
        self.last = self._place(event, "")
        return event

    def _place(self, event: Event, key: str) -> Place:
        mark: StringMark = event.start_mark
        return Place(self._page.file, mark.line + 1, mark.column + 1, key)

    def _node(self, event: Event, key: str, depth: int) -> Node:
        place = self._place(event, key)
        self._values += 1
        if self._values > self._most_values:
            raise self._page.refusal(place, f"the file holds more than {self._most_values} values")
        if depth > DEEPEST:
            raise self._page.refusal(place, f"this is nested more than {DEEPEST} levels deep")
        # Aliases are how a file of a kilobyte becomes a tree of a gigabyte; nothing we read needs them.
        if isinstance(event, AliasEvent):
            self._page.report(
                place, f"'*{event.anchor}' refers to an anchor: aliases are not read, write the value out"
            )
            return RefusedNode(place)
        assert isinstance(event, NodeEvent)
        self._refuse_properties(event, place)
        if isinstance(event, ScalarEvent):
            return self._text(event, place)
        if isinstance(event, SequenceStartEvent):
            return ListNode(place, tuple(self._items(key, depth)))
        assert isinstance(event, MappingStartEvent)
        return MapNode(place, {entry.key.text: entry for entry in self._entries(key, depth)})

    def _refuse_properties(self, event: NodeEvent, place: Place) -> None:
        if event.anchor is not None:
            self._page.report(place, f"the anchor '&{event.anchor}' has no use here: aliases are not read, remove it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            shown = str(tag).replace("tag:yaml.org,2002:", "!!")[:32]
            self._page.report(place, f"the tag {shown!r} has no use here: every value is read as text, remove it")

    def _text(self, event: ScalarEvent, place: Place) -> Node:
        text = str(event.value)
        # Escapes have been resolved by now, so what the raw text could not hold may still be here, lone surrogates too.
        plain = not event.style and event.start_mark.line == event.end_mark.line
        if event.style and _FORBIDDEN.search(text):
            self._page.report(place, "this text holds, by an escape, a character that does not belong in such a file")
            return RefusedNode(place)
        return TextNode(place, text, plain)

    def _items(self, key: str, depth: int) -> Iterator[Node]:
        number = 0
        while not isinstance(event := self._next(), CollectionEndEvent):
            yield self._node(event, f"{key}[{number}]", depth + 1)
            number += 1

    def _entries(self, key: str, depth: int) -> Iterator[Entry]:
        first: dict[str, Place] = {}
        while not isinstance(event := self._next(), CollectionEndEvent):
            name = self._node(event, key, depth + 1)
            text = name.text if isinstance(name, TextNode) else ""
            path = f"{key}.{text}" if key else text
            # The value is read even where its key is refused: the events have to be taken, and its mistakes be told.
            value = self._node(self._next(), path, depth + 1)
            if not isinstance(name, TextNode):
                self._refuse_key(name)
            elif text in first:
                earlier = first[text].line
                self._page.report(name.place, f"duplicate key {text!r}", f"the first is in line {earlier}; remove one")
            elif self._is_key(name, event):
                first[text] = name.place
                yield _entry(name, value, path)

    def _is_key(self, name: TextNode, event: Event) -> bool:
        if name.is_empty:
            self._page.report(name.place, "a key is missing before this ':'")
        elif name.text == "<<" and name.plain:
            self._page.report(name.place, "the merge key '<<' is not read: write the values out")
        else:
            return True
        return False

    def _refuse_key(self, name: Node) -> None:
        if not isinstance(name, RefusedNode):
            self._page.report(name.place, "a key is a plain text, not a list or mapping", "quote a text that begins so")


def _entry(name: TextNode, value: Node, path: str) -> Entry:
    """Make an entry; the place of an empty value is that of its key, because nothing stands where it should be."""
    place = Place(name.place.file, name.place.line, name.place.column, path)
    key = TextNode(place, name.text, name.plain)
    empty = isinstance(value, TextNode) and value.is_empty
    return Entry(key, TextNode(place, "") if empty else value)
