"""UVL to a feature model, read line by line: 6,000 features in a fraction of a second.

What UVL can say and a propositional feature model cannot (values of typed features, clones, arithmetic, other files) is
taken note of, so that nobody takes a count for exact that is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from keytwin.design.features import NO_ATTRIBUTES, Constraint, Feature, FeatureModel, Group
from keytwin.files.library import Source
from keytwin.files.nodes import Place
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.uvl_attributes import Attributes, attributes_of
from keytwin.files.uvl_constraint import NAME, Constraints, Left, unquoted

MOST_FEATURES: Final = 200_000
_SECTIONS: Final = frozenset({"namespace", "include", "imports", "features", "constraints"})
_KEYWORDS: Final = frozenset({"mandatory", "optional", "alternative", "or"})
_RANGE: Final = re.compile(r"\[\s*(\d+)\s*(?:\.\.\s*(\d+|\*)\s*)?\]")
_FEATURE: Final = re.compile(
    rf"(?:(?P<type>Boolean|Integer|Real|String)\s+)?(?P<name>(?:{NAME})(?:\.(?:{NAME}))*)"
    r"(?:\s*cardinality\s*(?P<clones>\[[^\]]*\]))?\s*(?P<attributes>\{.*)?\s*",
    flags=re.DOTALL,
)
_COMMENT: Final = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'|//[^\n]*|/\*.*?\*/', flags=re.DOTALL)


class Line(NamedTuple):
    """What one line says, without its indentation and comments; braces keep what follows in the same line."""

    number: int
    indent: int
    """Columns, a tab leading to the next multiple of eight."""
    column: int
    text: str

    def place(self, file: str) -> Place:
        """Return where it begins."""
        return Place(file, self.number, self.column)


@dataclass(slots=True)
class Node:
    """A feature or a group on the way down to the present line."""

    indent: int
    feature: str = ""
    """Empty for a group."""
    keyword: str = ""
    members: list[str] = field(default_factory=list)
    place: tuple[int, int] = (0, 0)
    is_wrong: bool = False
    """Whether a member was refused, so that nothing can be said of how many there are."""


def read_uvl(source: Source) -> Checked[FeatureModel]:
    """Return the feature model of a UVL file, with what in it is left out; FileMistake with all that is wrong."""
    page = Page(source.file)
    try:
        text = source.octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.octets.count(b"\n", 0, error.start) + 1
        page.report(Place(source.file, line, 1), "this is not UTF-8: save the file as UTF-8 text")
        raise page.conclusion() from None
    reader = _Reader(page)
    try:
        model = reader.model(list(_lines(text)))
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return Checked(model, page.sorted_warnings())


# --- lines ----------------------------------------------------------------------------------------------------------


def _lines(text: str) -> Iterator[Line]:
    """Give the lines that say something."""
    if "//" in text or "/*" in text:
        text = _COMMENT.sub(_blanked, text)
    open_from: tuple[int, str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if open_from is not None:
            open_from = (open_from[0], f"{open_from[1]}\n{line}")
        elif line and not line.isspace():
            open_from = (number, line)
        else:
            continue
        begun, held = open_from
        if "{" in held and held.count("{") > held.count("}"):
            continue
        yield _line(begun, held)
        open_from = None
    if open_from is not None:
        yield _line(*open_from)


def _line(number: int, text: str) -> Line:
    said = text.lstrip(" \t")
    margin = text[: len(text) - len(said)]
    indent = len(margin.expandtabs(8)) if "\t" in margin else len(margin)
    return Line(number, indent, len(margin) + 1, said.rstrip())


def _blanked(found: re.Match[str]) -> str:
    held = found[0]
    return held if held[0] in "\"'" else re.sub(r"[^\n]", " ", held)


# --- the file -------------------------------------------------------------------------------------------------------


class _Reader:
    """Takes one line after the other; the stack leads from the root to the line before."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._features: dict[str, Feature] = {}
        self._groups: list[Group] = []
        self._stack: list[Node] = []
        self._conditions: list[tuple[str, Place]] = []
        self._aliases: set[str] = set()
        self._left: list[str] = []
        self._name = ""

    def model(self, lines: list[Line]) -> FeatureModel:
        section = ""
        for line in lines:
            word = line.text.partition(" ")[0].rstrip(":") if line.indent == 0 else ""
            if word in _SECTIONS:
                section = self._section(word, line)
            else:
                self._line(section, line)
        self._unwind(-1)
        if not self._features and self._page.mistakes:
            raise Unread
        if not self._features:
            raise self._page.refusal(
                Place(self._page.file), "no features are declared", "they follow a line 'features'"
            )
        root = next(iter(self._features))
        constraints = tuple(self._constraints())
        if self._page.mistakes:
            raise Unread
        features = MappingProxyType(self._features)
        return FeatureModel(self._name or root, root, features, tuple(self._groups), constraints, tuple(self._left))

    def _line(self, section: str, line: Line) -> None:
        match section:
            case "features":
                self._tree_line(line)
            case "constraints":
                self._conditions.append((line.text, line.place(self._page.file)))
            case "imports":
                self._import(line)
            case "include":  # language levels: what goes beyond a level that is known shows where it is used
                pass
            case _:
                hint = f"a file has the sections {', '.join(sorted(_SECTIONS))}"
                self._page.report(line.place(self._page.file), f"{line.text[:40]!r} belongs to no section", hint)

    def _section(self, word: str, line: Line) -> str:
        rest = line.text[len(word) :].strip(" :")
        if word == "namespace":
            self._name = unquoted(rest)
        elif rest and word != "include":
            self._page.report(line.place(self._page.file), f"{rest[:40]!r} belongs in a line of its own below {word!r}")
        return word

    def _import(self, line: Line) -> None:
        path, _, alias = line.text.partition(" as ")
        name = unquoted((alias or path).strip())
        self._aliases.add(name)
        self._leave_out(line, f"the imported model {unquoted(path.strip())!r}: its features and rules are not counted")

    # --- the tree ---

    def _tree_line(self, line: Line) -> None:
        self._unwind(line.indent)
        above = self._stack[-1] if self._stack else None
        bounds = _RANGE.fullmatch(line.text)
        if line.text in _KEYWORDS or bounds:
            if above is None or not above.feature:
                self._page.report(
                    line.place(self._page.file), f"{line.text!r} stands below no feature", "check the indentation"
                )
            self._stack.append(Node(line.indent, keyword=line.text, place=(line.number, line.column)))
        else:
            self._feature(line, above)

    def _feature(self, line: Line, above: Node | None) -> None:
        found = _FEATURE.fullmatch(line.text)
        if found is None:
            self._refuse_member(above)
            self._stack.append(Node(line.indent, feature="?"))
            hint = 'a name with other characters than letters, digits and _ is written in quotes, as "my name"'
            self._page.report(line.place(self._page.file), f"{line.text[:60]!r} is no feature", hint)
            return
        name = unquoted(found["name"])
        self._stack.append(Node(line.indent, feature=name))
        if name in self._features:
            self._refuse_member(above)
            self._page.report(
                line.place(self._page.file), f"duplicate feature {name!r}", "each name is given once in a file"
            )
            return
        if above is None and self._features:
            self._page.report(line.place(self._page.file), f"{name!r} is a second root", "all features are below one")
        elif above is not None and above.feature:
            self._page.report(
                line.place(self._page.file),
                f"{name!r} stands below a feature",
                "a group such as 'optional' belongs between",
            )
        elif above is not None:
            above.members.append(name)
        if len(self._features) >= MOST_FEATURES:
            raise self._page.refusal(line.place(self._page.file), f"the file has more than {MOST_FEATURES} features")
        self._features[name] = self._described(name, found, line)

    @staticmethod
    def _refuse_member(above: Node | None) -> None:
        if above is not None:
            above.is_wrong = True

    def _described(self, name: str, found: re.Match[str], line: Line) -> Feature:
        if found["type"] and found["type"] != "Boolean":
            self._leave_out(line, f"the value of {name!r}, {found['type']}: only whether it is chosen counts")
        if found["clones"]:
            self._leave_out(line, f"the clones of {name!r}, {found['clones']}: it counts as one feature")
        if not found["attributes"]:
            return Feature(name)
        place = line.place(self._page.file).shifted(found.start("attributes"))
        held = self._attributes(found["attributes"], place)
        self._conditions.extend((text, place) for text in held.constraints)
        return Feature(name, is_abstract=held.is_abstract, attributes=MappingProxyType(held.values))

    def _attributes(self, text: str, place: Place) -> Attributes:
        try:
            return attributes_of(text, place, self._page)
        except Unread:
            return Attributes(dict(NO_ATTRIBUTES))

    def _unwind(self, indent: int) -> None:
        """Leave what lies at this indentation or further in; a group that is left is complete."""
        while self._stack and self._stack[-1].indent >= indent:
            node = self._stack.pop()
            if not node.feature:
                self._close(node)

    def _close(self, node: Node) -> None:
        parent = self._stack[-1].feature if self._stack else ""
        place = Place(self._page.file, *node.place)
        if node.is_wrong:
            return
        if not node.members:
            self._page.report(place, f"the group {node.keyword!r} has no members")
            return
        members, there = tuple(node.members), len(node.members)
        match node.keyword:
            case "mandatory" | "optional":
                least = int(node.keyword == "mandatory")
                self._groups.extend(Group(parent, (each,), least, 1) for each in members)
            case "alternative":
                self._groups.append(Group(parent, members, 1, 1))
            case "or":
                self._groups.append(Group(parent, members, 1, there))
            case _:
                self._groups.append(self._ranged(node, parent, members, place))

    def _ranged(self, node: Node, parent: str, members: tuple[str, ...], place: Place) -> Group:
        bounds = _RANGE.fullmatch(node.keyword)
        assert bounds is not None
        there = len(members)
        least = int(bounds[1])
        most = least if bounds[2] is None else there if bounds[2] == "*" else int(bounds[2])
        if least > there or most < least:
            self._page.report(place, f"{node.keyword} cannot be met by {there} members")
        return Group(parent, members, least, min(most, there))

    # --- constraints ---

    def _constraints(self) -> Iterator[Constraint]:
        reader = Constraints(self._features, tuple(self._features), frozenset(self._aliases), self._page)
        for text, place in self._conditions:
            try:
                yield Constraint(reader.read(text, place))
            except Left:
                what = f"the constraint {text[:80]!r}: arithmetic and imported features are not reasoned with"
                self._left.append(f"line {place.line}: {what}")
                self._page.warn(place, f"left out: {what}")
            except Unread:
                continue

    def _leave_out(self, line: Line, what: str) -> None:
        self._left.append(f"line {line.number}: {what}")
        self._page.warn(line.place(self._page.file), f"left out: {what}")
