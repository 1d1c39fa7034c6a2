"""The metadata that an export carries, read again: which element a member is, and why it is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypedDict

from keytwin.design.model import ElementId, RuleId
from keytwin.design.sysml_scope import Scope, reference_after
from keytwin.design.sysml_text import unescaped
from keytwin.design.sysml_tokens import Kind
from keytwin.design.sysml_tree import Document, Member, Reference
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import VariantId

_USES: Final = frozenset({"perform action", "exhibit state", "attribute", "port", "interface def", "assert constraint"})
"""Members whose trace names what they use, or themselves alone, not the element that they are."""


class Common(TypedDict):
    """What all elements have."""

    id: ElementId
    name: str
    about: str
    because: tuple[VariantId, ...]
    rules: tuple[RuleId, ...]


class Marks:
    """Members with their elements, over texts that belong together."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.scope = Scope(documents)
        self.elements: dict[Member, ElementId] = {}
        for member in self.scope.members():
            # A usage of a definition repeats its trace: only the definition is the element.
            found = self.first(member, "Trace", "element")
            if found and member.kind not in _USES and not self._is_typed_use(member):
                self.elements[member] = ElementId(found)

    @staticmethod
    def _is_typed_use(member: Member) -> bool:
        return member.kind in {"connection", "constraint"} and bool(member.typed)

    def of_kind(self, *kinds: str) -> list[Member]:
        """List the members that are elements and have one of these keywords."""
        return [member for member in self.elements if member.kind in kinds]

    def all(self, kind: str) -> list[Member]:
        """List every member with a keyword, element or not."""
        return [member for member in self.scope.members() if member.kind == kind]

    def marks(self, member: Member, name: str) -> list[dict[str, tuple[str, ...]]]:
        """Return what each annotation of a name says, texts by key."""
        return [
            {inner.label: self.texts(inner) for inner in each.members() if inner.value is not None}
            for each in member.members()
            if each.kind == "metadata" and each.target is not None and each.target.names[-1] == name
        ]

    def several(self, member: Member, name: str, key: str) -> tuple[str, ...]:
        """Return the texts that the first annotation of a name gives for a key."""
        found = self.marks(member, name)
        return found[0].get(key, ()) if found else ()

    def first(self, member: Member, name: str, key: str) -> str:
        """Return the one text that an annotation gives for a key; nothing when it gives none."""
        found = self.several(member, name, key)
        return found[0] if found else ""

    def texts(self, member: Member) -> tuple[str, ...]:
        """Return the string literals of a value."""
        source, value = self.scope.document_of(member).source, member.value
        assert value is not None
        return tuple(
            unescaped(source.words[token][1:-1])
            for token in range(value.first, value.end)
            if source.kinds[token] is Kind.STRING
        )

    def common(self, member: Member, doc: str = "") -> Common:
        """Return what all elements have; `doc` names the documentation that explains it."""
        return {
            "id": self.elements[member],
            "name": self.first(member, "Trace", "title"),
            "about": next((text for name, text in member.docs() if name == doc), ""),
            "because": self.variants(member),
            "rules": self.rules(member),
        }

    def variants(self, member: Member) -> tuple[VariantId, ...]:
        """Return the variants that asked for a member."""
        return tuple(VariantId(each) for each in self.several(member, "Trace", "variants"))

    def rules(self, member: Member) -> tuple[RuleId, ...]:
        """Return the rules that added or changed a member."""
        return tuple(RuleId(each) for each in self.several(member, "Trace", "rules"))

    def called(self, member: Member) -> str:
        """Return the name of a value or port in the model: where it was taken in SysML, the trace says it."""
        return self.first(member, "Trace", "element") or member.label

    def meant(self, member: Member) -> ElementId | None:
        """Return the element that an annotation says is meant."""
        found = self.first(member, "Meant", "element")
        return ElementId(found) if found else None

    def element(self, reference: Reference | None, member: Member) -> ElementId:
        """Return the element that a reference means; FileMistake, with its place, when it means none."""
        found = self.scope.resolve(reference, member) if reference is not None else None
        if found is not None and found in self.elements:
            return self.elements[found]
        meant = self.meant(found) if found is not None else None
        if meant is not None:
            return meant
        token = reference.span.first if reference is not None else member.span.first
        what = f"{reference or member.label} is no element of the model"
        source = self.scope.document_of(member).source
        raise FileMistake((source.finding(token, what, "refer to a member that has @Trace { element = ... }"),))

    def after(self, member: Member, word: str) -> Reference | None:
        """Return the name behind a word in a head."""
        return reference_after(self.scope, member, word)


def shortened(reference: Reference | None) -> Reference | None:
    """Return a reference without its last name: of a step's parameter, the step."""
    if reference is None or len(reference.names) < 2:
        return reference
    return Reference(reference.names[:-1], reference.span, joints=reference.joints[:-1])
