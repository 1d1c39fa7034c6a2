"""One reading of a file: what was found wrong, and the names that may be referred to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from keytwin.files.nodes import Entry, ListNode, MapNode, Node, Place, RefusedNode, TextNode, is_empty
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake
from keytwin.vocabulary.identity import LONGEST_NAME

MOST_FINDINGS: Final = 100  # what a person mends before looking again; a hostile file gets no longer an answer
LIKENESS: Final = 0.55  # of difflib, from 0 to 1: `link_legth` is near `length`, `hub` is not near `km0`
MOST_COMPARED: Final = 2_000  # names looked through for the nearest one
MOST_LISTED: Final = 12  # valid names that fit into a message
LONGEST_MESSAGE: Final = 400  # characters


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Unread(Exception):
    """Nothing could be read here, and the page says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A name that may be referred to: how it is written canonically, and where it was declared."""

    name: str
    place: Place | None = None
    is_wrong: bool = False
    """No name at all, which has been told: it may be referred to but isn't proposed."""


Names = dict[str, Declared]


class Reads(Protocol[T_co]):
    """What can be read of a node."""

    def read(self, node: Node, page: Page) -> T_co:
        """Return the value; Unread when nothing remains."""
        ...


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What a file says, and what in it is allowed but hardly meant."""

    value: T
    warnings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Page:
    """What was found so far while one file is read; nothing is raised before the end."""

    file: str
    names: dict[str, Names | None] = field(default_factory=dict)
    """By kind of thing, such as "node"; None = its section could not be read, so that any name may be right."""
    mistakes: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    left_off: int = 0
    folders: dict[str, Path | None] = field(default_factory=dict)
    """By file, as places name it: the folder from which the paths in it lead; None = the present one."""

    def report(self, place: Place, what: str, suggestion: str = "") -> None:
        """Note a mistake."""
        if len(self.mistakes) < MOST_FINDINGS:
            self.mistakes.append(_finding(place, what, suggestion))
        else:
            self.left_off += 1  # counted only: wording is what costs time

    def refusal(self, place: Place, what: str, suggestion: str = "") -> Unread:
        """Note a mistake that leaves nothing to read here, and return what to raise."""
        self.report(place, what, suggestion)
        return Unread()

    def attempt(self, kind: Reads[T], node: Node) -> T | None:
        """Read a node; None when it could not be read, which has then been reported."""
        try:
            return kind.read(node, self)
        except Unread:
            return None

    def parsed(self, parse: Callable[[str], T], node: TextNode) -> T:
        """Parse a text; what the parser says is reported, and Unread."""
        try:
            return parse(node.text)
        except Mistake as mistake:
            raise self.refusal(node.place, str(mistake)) from None

    def warn(self, place: Place, what: str, suggestion: str = "") -> None:
        """Note something that is allowed but hardly meant."""
        if len(self.warnings) < MOST_FINDINGS:
            self.warnings.append(_finding(place, what, suggestion))

    def conclude(self) -> None:
        """Raise all mistakes at once, if there are any; FileMistake."""
        if self.mistakes:
            raise self.conclusion()

    def conclusion(self) -> FileMistake:
        """Return all mistakes, of which there must be some, in the order of the file."""
        more = [Finding(f"{self.left_off} more mistakes are not shown", self.file)] if self.left_off else []
        return FileMistake((*sorted(self.mistakes, key=_order), *more))

    def sorted_warnings(self) -> tuple[Finding, ...]:
        """Return the warnings in the order of the file."""
        return tuple(sorted(self.warnings, key=_order))

    # --- looking a name up ---

    def declare(self, kind: str, text: str, declared: Declared) -> None:
        """Let a name be referred to from here on."""
        names = self.names.get(kind) or {}
        names[text] = declared
        self.names[kind] = names

    def look_up(self, kind: str, text: str, place: Place) -> str:
        """Return the canonical form of a declared name; reports and Unread when there is none such."""
        names = self.names.get(kind)
        # A section that could not be read may hold any name: its mistake is told once, not at every reference.
        if names is None or text in names:
            return text if names is None else names[text].name
        most = MOST_COMPARED if len(self.mistakes) < MOST_FINDINGS else 0
        proposed = [name for name, declared in islice(names.items(), most) if not declared.is_wrong]
        raise self.refusal(place, f"unknown {kind} {text!r}", self.hint(text, proposed, f"no {kind} is declared"))

    def nearest(self, text: str, valid: Iterable[str]) -> str:
        """Return the valid name that looks most like `text`; nothing when there is none, or the page is full anyway."""
        return nearest(text, islice(valid, MOST_COMPARED)) if len(self.mistakes) < MOST_FINDINGS else ""

    def hint(self, text: str, valid: Iterable[str], none: str = "") -> str:
        """Return a hint at the nearest valid name, at all of them when they are few, or `none` when there is none."""
        near = self.nearest(text, valid)
        if near:
            return f"did you mean {near!r}?"
        listed = [repr(name) for name in islice(valid, MOST_LISTED + 1)]
        return (
            f"known: {', '.join([*listed[:MOST_LISTED], *(['...'] * (len(listed) > MOST_LISTED))])}" if listed else none
        )

    # --- taking nodes apart ---

    def text(self, node: Node, wanted: str) -> TextNode:
        """Return a node that holds text; `wanted` says what was expected, such as "a rate"."""
        if isinstance(node, TextNode):
            return node
        raise _wrong_shape(self, node, wanted)

    def items(self, node: Node, wanted: str) -> tuple[Node, ...]:
        """Return the items of a list; an empty value is an empty list."""
        if isinstance(node, ListNode):
            return node.items
        if is_empty(node):
            return ()
        raise _wrong_shape(self, node, wanted)

    def entries(self, node: Node, wanted: str) -> tuple[Entry, ...]:
        """Return the entries of a mapping; an empty value is an empty mapping."""
        if isinstance(node, MapNode):
            return tuple(node.entries.values())
        if is_empty(node):
            return ()
        raise _wrong_shape(self, node, wanted)


def take_over(page: Page, findings: Iterable[Finding], named: Place) -> None:
    """Note what is wrong in a file that this one names, each with the place where it is named."""
    where = f"named in {named.file}:{named.line}:{named.column}"
    for each in findings:
        if len(page.mistakes) >= MOST_FINDINGS:
            page.left_off += 1
        elif each.file == named.file:  # of something laid over the other file: its place says where
            page.mistakes.append(each)
        else:
            page.mistakes.append(replace(each, suggestion="; ".join(filter(None, (each.suggestion, where)))))


def nearest(text: str, valid: Iterable[str]) -> str:
    """Return the valid name that looks most like `text`, or nothing."""
    if len(text) > LONGEST_NAME:
        return ""
    return next(iter(get_close_matches(text, list(valid), n=1, cutoff=LIKENESS)), "")


def _wrong_shape(page: Page, node: Node, wanted: str) -> Unread:
    if isinstance(node, RefusedNode):
        return Unread()
    found = {ListNode: "a list", MapNode: "a mapping"}.get(type(node), "a text")
    subject = f"{node.place.key} is {found}" if node.place.key else f"the file is {found}"
    return page.refusal(node.place, f"{subject}, where {wanted} is wanted")


def _finding(place: Place, what: str, suggestion: str) -> Finding:
    return Finding(_cut(what), place.file, place.line, place.column, _cut(place.key), suggestion)


def _cut(text: str) -> str:
    """Keep a text of the user, which may be a megabyte long, from filling the screen."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."


def _order(finding: Finding) -> tuple[str, int, int]:
    return finding.file, finding.line, finding.column
