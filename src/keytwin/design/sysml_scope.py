"""Which member a name means: owned, inherited and imported names of SysML v2 texts that belong together.

Names of the standard library are not there, since its texts are not ours to ship: they are found as nothing, and what
follows from them is left open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from keytwin.design.sysml_cursor import Cursor
from keytwin.design.sysml_tree import Document, Member, Reference, Span

DEEPEST: Final = 50  # generals of generals, imports of imports: more is a circle

Offence: TypeAlias = tuple[Member, int, str, str]
"""What breaks a rule: in which member, at which token, what is wrong, and how to mend it."""


class Scope:
    """The members of several documents, found by name."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = tuple(documents)
        # By identity, since two files may be equal in every word.
        self._files = {id(each.root): each for each in self.documents}
        self._owned: dict[Member, dict[str, Member]] = {}
        self._generals: dict[Member, list[Member]] = {}
        self._roots: dict[str, Member] = {}
        for document in self.documents:
            for name, member in self.owned(document.root).items():
                self._roots.setdefault(name, member)

    def members(self) -> Iterator[Member]:
        """Yield every member of every document."""
        for document in self.documents:
            for member in document.root.members():
                yield from member.all()

    def document_of(self, member: Member) -> Document:
        """Return the document that a member lies in."""
        while member.owner is not None:
            member = member.owner
        return self._files[id(member)]

    def owned(self, member: Member) -> dict[str, Member]:
        """Return what lies in a member, by name and short name; of two that are called the same, the first."""
        found = self._owned.get(member)
        if found is None:
            found = self._owned[member] = {}
            for each in member.members():
                # These are named for people or not at all, and would hide an element that is called the same.
                if each.kind in {"import", "doc", "comment", "rep", "metadata", "expose", "opaque"}:
                    continue
                for name in (each.label, each.short):
                    if name:
                        found.setdefault(name, each)
        return found

    def generals(self, member: Member) -> list[Member]:
        """Return what a member is typed by, specialises, redefines or refers to, as far as it is found."""
        found = self._generals.get(member)
        if found is None:
            self._generals[member] = found = []  # while it is worked out: a circle ends here
            # A member is no general of itself: `attribute :>> a` finds its own label where nothing is inherited.
            found += [each for each in self._direct(member) if each is not member]
        return found

    def _direct(self, member: Member) -> Iterator[Member]:
        for reference in (*member.typed, *member.subsets, *member.references):
            yield from self._one(self.resolve(reference, member))
        for reference in member.redefines:
            yield from self._one(self.redefined(reference, member))
        if member.target is not None and member.kind not in {"import", "expose"}:
            yield from self._one(self.resolve(member.target, member))

    @staticmethod
    def _one(found: Member | None) -> Iterator[Member]:
        if found is not None:
            yield found

    def redefined(self, reference: Reference, member: Member) -> Member | None:
        """Return what a member redefines: inherited by its owner first, since the name is its own as well."""
        owner = member.owner
        if owner is not None:
            # What its owner inherits comes first: the member itself bears the same name.
            for general in self.generals(owner):
                found = self.inside(general, reference.names[0])
                if found is not None and found is not member:
                    return self._follow(found, reference)
        found = self.resolve(reference, member)
        return None if found is member else found

    def resolve(self, reference: Reference, member: Member) -> Member | None:
        """Return what a reference means where a member stands; None when nothing here is called so."""
        first = self.visible(reference.names[0], member.owner)
        return self._follow(first, reference) if first is not None else None

    def _follow(self, found: Member, reference: Reference) -> Member | None:
        each: Member | None = found
        for name in reference.names[1:]:
            if each is None:
                return None
            each = self.inside(each, name)
        return each

    def visible(self, name: str, owner: Member | None) -> Member | None:
        """Return what a name means inside a member: looked for there, then further and further out."""
        while owner is not None:
            # Owned and inherited names go before imported ones, and the nearer namespace before the outer.
            found = self.inside(owner, name) or self._imported(owner, name, 0)
            if found is not None:
                return found
            owner = owner.owner
        return self._roots.get(name)

    def inside(self, member: Member, name: str, depth: int = 0) -> Member | None:
        """Return a member of a member: its own, inherited, or imported for all to see."""
        found = self.owned(member).get(name)
        if found is not None or depth > DEEPEST:
            return found
        for general in self.generals(member):
            found = self.inside(general, name, depth + 1)
            if found is not None:
                return found
        return self._imported(member, name, depth + 1, is_outside=True)

    def _imported(self, owner: Member, name: str, depth: int, *, is_outside: bool = False) -> Member | None:
        if depth > DEEPEST:
            return None
        for each in owner.members():
            if not each.kind.startswith("import") or each.target is None:
                continue
            # A private import is seen from inside only.
            if is_outside and "public" not in each.prefixes:
                continue
            found = self._through(each, each.target, name, depth)
            if found is not None:
                return found
        return None

    def _through(self, importing: Member, target: Reference, name: str, depth: int) -> Member | None:
        above = self._namespace(target, importing)
        if above is None:
            return None
        # An import of one member gives its name and nothing of what lies in it.
        if importing.clause("all") is not None:
            return self.inside(above, name, depth + 1)
        return above if name in {above.label, above.short} else None

    def _namespace(self, target: Reference, importing: Member) -> Member | None:
        """Find what an import names, without the imports beside it: they might need this one in turn."""
        owner = importing.owner
        first: Member | None = None
        while owner is not None and first is None:
            first = self.owned(owner).get(target.names[0])
            owner = owner.owner
        first = first or self._roots.get(target.names[0])
        return self._follow(first, target) if first is not None else None


def descends_from(scope: Scope, member: Member, wanted: Member) -> bool:
    """Tell whether a member is another or a special case of it."""
    return any(each is wanted for each in lineage(scope, member))


def lineage(scope: Scope, member: Member) -> Iterator[Member]:
    """Yield a member and whatever it descends from, the nearest first, each once."""
    # Breadth first: of two definitions of a feature the nearer one counts, and each is looked at once.
    seen: dict[Member, None] = {member: None}
    waiting = [member]
    while waiting:
        each = waiting.pop(0)
        yield each
        for general in scope.generals(each):
            if general not in seen:
                seen[general] = None
                waiting.append(general)


def reference_after(scope: Scope, member: Member, word: str) -> Reference | None:
    """Return the name that follows a word in a head: `by a.b`; of `end ::> a.b`, what is behind the sign."""
    span = member.clause(word)
    return reference_at(scope, member, span) if span is not None else None


def reference_at(scope: Scope, member: Member, span: Span) -> Reference | None:
    """Return the name that some tokens of a member begin with."""
    source = scope.document_of(member).source
    at = next((token + 1 for token in range(span.first, span.end) if source.words[token] == "::>"), span.first)
    # An expression such as `(1, 2)` begins with no name, and refers to nothing as a whole.
    if at >= span.end or not source.is_name(at):
        return None
    return Cursor(source, []).chain(at, span.end, at)
