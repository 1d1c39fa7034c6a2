"""XML as a tree with places, and nothing that XML can do besides: no document types, so no entities, and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat  # document types are refused below, and with them all entities

from keytwin.files.nodes import Place
from keytwin.files.page import Page, Unread

DEEPEST: Final = 64
"""Levels; the deepest files of others seen have about twenty."""
MOST_ELEMENTS: Final = 200_000


@dataclass(slots=True)
class Element:
    """An element with its attributes and what it holds; text between elements is not kept."""

    tag: str
    attributes: Mapping[str, str]
    place: Place
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Element]:
        """Give the children of one tag."""
        return (each for each in self.children if each.tag == tag)


def read_xml(octets: bytes, page: Page) -> Element:
    """Return the root element; reports and Unread when this is no XML, or XML that goes beyond the limits."""
    return _Builder(page).root(octets)


class _Builder:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._top: Element | None = None
        self._open: list[Element] = []
        self._number = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype

    def root(self, octets: bytes) -> Element:
        try:
            self._parser.Parse(octets, True)  # noqa: FBT003  # expat takes it by place only
        except expat.ExpatError as error:
            place = Place(self._page.file, error.lineno, error.offset + 1)
            raise self._page.refusal(place, f"this is no XML: {expat.ErrorString(error.code)}") from None
        assert self._top is not None, "expat refuses a file without an element"
        return self._top

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self._here())
        self._number += 1
        if self._number > MOST_ELEMENTS:
            raise self._page.refusal(element.place, f"the file has more than {MOST_ELEMENTS} elements")
        if len(self._open) >= DEEPEST:
            raise self._page.refusal(element.place, f"this is nested more than {DEEPEST} levels deep")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._top = element
        self._open.append(element)

    def _end(self, tag: str) -> None:
        del tag
        self._open.pop()

    def _doctype(self, *told: object) -> None:
        del told
        raise self._refused_doctype()

    def _refused_doctype(self) -> Unread:
        return self._page.refusal(self._here(), "a document type is not read: remove the line with '<!DOCTYPE'")

    def _here(self) -> Place:
        return Place(self._page.file, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)
