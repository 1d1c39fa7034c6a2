"""Edits of SysML v2 text that touch nothing but their own place: a value, a choice, documentation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from keytwin.design.sysml_back import ReadBack, configuration_of, path_of, read_back
from keytwin.design.sysml_family import choice_lines
from keytwin.design.sysml_text import INDENT, Lines, doc
from keytwin.design.sysml_tree import Document, Member
from keytwin.design.sysml_units import value_expression
from keytwin.design.variability import Configuration, Ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariationPointId


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters from `start` up to `end` are replaced."""

    start: int
    end: int
    text: str


def edited(document: Document, edits: Iterable[Edit]) -> str:
    """Return the text with edits made, which do not overlap."""
    text = document.source.text
    # From the end, so that the places of earlier edits stay what they are.
    for each in sorted(edits, key=lambda one: -one.start):
        text = text[: each.start] + each.text + text[each.end :]
    return text


def value_edit(document: Document, path: str, quantity: str, value: str) -> Edit:
    """Return the edit that gives a value, such as `20 km` of a length; Mistake when the path leads to none."""
    back = read_back(document)
    found = next((each for each in back.values if each.path == path), None)
    if found is None:
        raise Mistake(f"nothing is set at {path!r}{_nearest(path, back)}")
    span = found.member.value
    assert span is not None
    source = document.source
    return Edit(source.starts[span.first], source.end(span.end - 1), value_expression(quantity, value))


def _nearest(path: str, back: ReadBack) -> str:
    near = get_close_matches(path, [each.path for each in back.values], 1)
    return f": did you mean {near[0]!r}?" if near else ": the file sets no such value"


def doc_edit(document: Document, path: str, text: str) -> Edit:
    """Return the edit that documents a member, in front of what its body holds; Mistake when the path leads to none."""
    source = document.source
    found = next((each for each in document.root.all() if each.label and path_of(each) == path), None)
    if found is None:
        raise Mistake(f"nothing is called {path!r} in {source.file or 'the text'}: write the names with dots between")
    indent = _indent(document, found) + INDENT
    written = doc(text)[0]
    head, opening = source.end(found.head_end - 1), found.head_end
    if found.body is None:
        return Edit(head, source.end(opening), f" {{{_newline(document)}{indent}{written}{_closing(document, found)}")
    end = source.end(opening)
    return Edit(end, end, f"{_newline(document)}{indent}{written}")


def _closing(document: Document, member: Member) -> str:
    return f"{_newline(document)}{_indent(document, member)}}}"


def _indent(document: Document, member: Member) -> str:
    source = document.source
    start = source.starts[member.span.first]
    line = source.lines[source.place_of(start)[0] - 1]
    before = source.text[line:start]
    return before[: len(before) - len(before.lstrip())]


def _newline(document: Document) -> str:
    return "\r\n" if "\r\n" in document.source.text else "\n"


def choice_edits(document: Document, ovm: Ovm, point: VariationPointId, configuration: Configuration) -> list[Edit]:
    """Return the edits that decide one variation point as a configuration does, with what its variants open."""
    held = configuration_of(document)
    if held is None:
        raise Mistake(f"{document.source.file or 'the text'} holds no configuration: it has no @Configured")
    source = document.source
    chosen = [each.member for each in read_back(document).chosen if each.variant.partition(".")[0] == point]
    # A choice within another goes with it: it belongs to what the other opens.
    outermost = [each for each in chosen if each.owner not in chosen]
    owner = outermost[0].owner if outermost else held
    assert owner is not None
    lines = choice_lines(ovm, point, configuration)
    if not outermost:
        at = source.starts[owner.span.end - 1]
        return [Edit(at, at, _inserted(document, owner, lines))]
    indent = _indent(document, outermost[0])
    first = Edit(
        source.starts[outermost[0].span.first],
        source.end(outermost[0].span.end - 1),
        f"{_newline(document)}{indent}".join(lines),
    )
    return [first, *(_removal(document, each) for each in outermost[1:])]


def _inserted(document: Document, owner: Member, lines: Lines) -> str:
    indent, newline = _indent(document, owner), _newline(document)
    return "".join(f"{INDENT}{line}{newline}{indent}" for line in lines)


def _removal(document: Document, member: Member) -> Edit:
    """Take a member out, with the spaces before it."""
    source = document.source
    before = source.end(member.span.first - 1)
    gap = source.text[before : source.starts[member.span.first]]
    start = source.starts[member.span.first] - (0 if gap.strip() else len(gap))
    return Edit(start, source.end(member.span.end - 1), "")
