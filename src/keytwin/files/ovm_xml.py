"""OVM files in the XML of FeatureIDE and TraVarT as feature models.

A variation point holds mandatory children and optional ones; of these as many are chosen as `MinChoices` and
`MaxChoices` say, -1 for "not said". Variation points are children of the root, each mandatory or optional by itself: a
published conversion that put them below one or-group counts 47 configurations where there are 18.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from keytwin.design.features import Constraint, Feature, FeatureModel, Group, range_in_words
from keytwin.design.formula import All, Implies, Is, Not
from keytwin.files.library import Source
from keytwin.files.page import Checked, Page, Unread
from keytwin.files.xml_tree import Element, read_xml

ROOT: Final = "OvModel"
_POINT: Final = "OvModelVariationPoint"
_VARIANT: Final = "OvModelVariant"
_REQUIRES: Final = "OvModelRequiresConstraint"
_EXCLUDES: Final = "OvModelExcludesConstraint"
_ABOUT: Final = "OvModelVariationBaseMetainformation"
_REFERENCES: Final = ("OvModelVariationPointReference", "OvModelVariantReference")
_SILENT: Final = frozenset({"OvModelMetainformation", "OvModelConstraintMetainformation"})


def read_ovm_xml(source: Source) -> Checked[FeatureModel]:
    """Return the feature model of a file, with what in it is left out; FileMistake with all that is wrong."""
    page = Page(source.file)
    try:
        root = read_xml(source.octets, page)
        if root.tag != ROOT:
            raise page.refusal(root.place, f"this is XML, but of {root.tag[:40]!r}: an OVM begins with <{ROOT}>")
        model = _Reader(page).model(root, source.file)
    except Unread:
        raise page.conclusion() from None
    page.conclude()
    return Checked(model, page.sorted_warnings())


class _Reader:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._features: dict[str, Feature] = {}
        self._groups: list[Group] = []
        self._left: list[str] = []
        self._apart: set[str] = set()
        """Names of variation points outside the tree, which only encode constraints."""

    def model(self, root: Element, file: str) -> FeatureModel:
        name = root.attributes.get("Name") or file.rpartition("/")[2].partition(".")[0]
        top = name
        while any(each.attributes.get("Name") == top for each in root.all(_POINT)):
            top += "_"
        self._features[top] = Feature(top, is_abstract=True)
        for point in root.all(_POINT):
            if _is_apart(point):
                self._leave_out(point, "a variation point outside the tree, which stands for a constraint")
                self._apart.add(point.attributes.get("Name", ""))
            elif (called := self._declared(point)) is not None:
                self._groups.append(Group(top, (called,), int(not _is_true(point, "Optional")), 1))
                self._children(point, called)
        constraints = [made for each in root.children for made in self._constraint(each)]
        if self._page.mistakes:
            raise Unread
        features = MappingProxyType(self._features)
        return FeatureModel(name, top, features, tuple(self._groups), tuple(constraints), tuple(self._left))

    def _declared(self, element: Element) -> str | None:
        name = element.attributes.get("Name", "")
        if not name:
            self._page.report(element.place, f"<{element.tag}> has no Name")
        elif name in self._features:
            self._page.report(element.place, f"duplicate name {name!r}", "each name is given once in a file")
        else:
            self._features[name] = Feature(name, is_abstract=element.tag == _POINT)
            return name
        return None

    def _children(self, point: Element, parent: str) -> None:
        for group in point.children:
            if group.tag == "MandatoryChildren":
                members = self._members(group)
                self._groups.extend(Group(parent, (each,), 1, 1) for each in members)
            elif group.tag == "OptionalChildren":
                members = self._members(group)
                if members:
                    self._groups.extend(self._optional(point, parent, tuple(members)))
            elif group.tag != _ABOUT:
                self._page.report(group.place, f"unknown element <{group.tag[:40]}> in a variation point")

    def _members(self, group: Element) -> list[str]:
        members = []
        for each in group.children:
            if each.tag not in {_POINT, _VARIANT}:
                self._page.report(each.place, f"<{each.tag[:40]}> is neither a variation point nor a variant")
            elif (name := self._declared(each)) is not None:
                members.append(name)
                if each.tag == _POINT:
                    self._children(each, name)
        return members

    def _optional(self, point: Element, parent: str, members: tuple[str, ...]) -> list[Group]:
        least, most = self._number(point, "MinChoices"), self._number(point, "MaxChoices")
        there = len(members)
        if least < 0 and most < 0 and not _is_true(point, "Alternative"):
            return [Group(parent, (each,), 0, 1) for each in members]
        if least < 0 and most < 0:
            least = most = 1
        low, high = max(least, 0), there if most < 0 else min(most, there)
        if low > high:
            self._page.report(point.place, f"{parent!r} wants {low} to {most} of {there} optional variants")
        reason = f"{parent}: {range_in_words(low, high, there)} of its optional variants"
        return [Group(parent, members, low, high, reason)]

    def _number(self, element: Element, key: str) -> int:
        text = element.attributes.get(key, "-1").strip()
        if text.removeprefix("-").isdecimal() and len(text) < 9:
            return int(text)
        self._page.report(element.place, f"{key} is {text[:20]!r}, no whole number")
        return -1

    # --- constraints ---

    def _constraint(self, element: Element) -> list[Constraint]:
        if element.tag in {_POINT, *_SILENT}:
            return []
        if element.tag not in {_REQUIRES, _EXCLUDES}:
            hint = f"an OVM holds {_POINT}, {_REQUIRES} and {_EXCLUDES}"
            self._page.report(element.place, f"unknown element <{element.tag[:40]}>", hint)
            return []
        ends = [each for each in element.children if each.tag not in _SILENT]
        names = [name for each in ends if (name := self._end(each)) is not None]
        if any(each.attributes.get("Name") in self._apart for each in ends):
            self._leave_out(element, "a constraint on a variation point outside the tree")
            return []
        if len(ends) != 2:
            self._page.report(element.place, f"a constraint joins two ends, and this one has {len(ends)}")
        if len(names) != 2 or len(ends) != 2:
            return []
        source, target = Is(names[0]), Is(names[1])
        said = next(
            (each.attributes.get("Description", "") for each in element.all("OvModelConstraintMetainformation")), ""
        )
        if element.tag == _REQUIRES:
            return [Constraint(Implies(source, target), said.strip())]
        return [Constraint(Not(All((source, target))), said.strip())]

    def _end(self, element: Element) -> str | None:
        name = element.attributes.get("Name", "")
        if element.tag not in {*_REFERENCES, _POINT, _VARIANT}:
            self._page.report(element.place, f"<{element.tag[:40]}> is no reference to a variation point or variant")
        elif name in self._features:
            return name
        elif name not in self._apart:
            hint = self._page.hint(name, self._features)
            self._page.report(element.place, f"unknown variation point or variant {name[:80]!r}", hint)
        return None

    def _leave_out(self, element: Element, what: str) -> None:
        name = element.attributes.get("Name", "")
        self._left.append(f"line {element.place.line}: {what}: {name!r}")
        self._page.warn(element.place, f"left out: {what}: {name!r}")


def _is_true(element: Element, key: str) -> bool:
    return element.attributes.get(key, "false").strip().lower() == "true"


def _is_apart(point: Element) -> bool:
    return any(each.attributes.get("PartOfOvModelRoot", "true").lower() == "false" for each in point.all(_ABOUT))
