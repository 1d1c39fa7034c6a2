"""What a reader makes of SysML v2 text: members with their places, over the tokens of the text they were read from.

A member covers a run of tokens. What was not understood in it stays what it is, a run of tokens too, so that a text is
written back from its tree byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from keytwin.design.sysml_text import quoted
from keytwin.design.sysml_tokens import Source
from keytwin.vocabulary.errors import Finding


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens from `first` up to, not including, `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A name as it is referred to: `A::b.c`, with the sign that turns a port round."""

    names: tuple[str, ...]
    span: Span
    is_conjugated: bool = False
    joints: tuple[str, ...] = ()
    """What stands between the names: `::` or `.`."""

    def __str__(self) -> str:
        parts = [quoted(self.names[0])]
        for joint, name in zip(self.joints, self.names[1:], strict=True):
            parts += [joint, quoted(name)]
        return "".join(parts)


# Members are compared by identity: two with the same words at two places are not the same element.
@dataclass(slots=True, eq=False)
class Member:
    """A definition, a usage, an import, a comment, an expression, or what could not be understood."""

    kind: str
    """Its keywords: `part def`, `attribute`, `import`; empty for a usage without any, `expression`, `opaque`."""
    span: Span
    # In the order of the text, as the grammar allows some of them in one order only.
    prefixes: tuple[str, ...] = ()
    """What stands before: `private`, `variant`, `in`, `abstract`, `then`, `#name`."""
    name: str = ""
    short: str = ""
    name_token: int = -1
    """Where the name, or else what stands in its place, is written."""
    target: Reference | None = None
    """For what refers instead of declaring, such as `perform a.b`, an import, `expose a`."""
    typed: list[Reference] = field(default_factory=list)
    subsets: list[Reference] = field(default_factory=list)
    """Specialisation of definitions too."""
    redefines: list[Reference] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    multiplicity: Span | None = None
    value: Span | None = None
    value_sign: str = ""
    """`=`, `:=`, or these after `default`."""
    clauses: list[tuple[str, Span]] = field(default_factory=list)
    """What follows a word such as `connect`, `to`, `from`, `of`, `by`, `first`, `then`, `if`."""
    text: str = ""
    """Of documentation and comments."""
    head_end: int = 0
    """The token after the head: `{`, `;` or what ends the member."""
    body: list[Member] | None = None
    owner: Member | None = None

    def clause(self, word: str) -> Span | None:
        """Return what follows a word."""
        return next((span for name, span in self.clauses if name == word), None)

    @property
    def is_definition(self) -> bool:
        """Whether it defines rather than uses."""
        return self.kind.endswith("def") or self.kind in {"package", "library package", "standard library package"}

    @property
    def label(self) -> str:
        """Return its name, else that of what it redefines, else nothing: the name it is found by."""
        if self.name:
            return self.name
        if self.redefines:
            return self.redefines[0].names[-1]
        # A usage without a name goes by the feature that it refers to: `perform a.b` is found as b.
        if self.references and not self.subsets:
            return self.references[0].names[-1]
        return ""

    def members(self) -> list[Member]:
        """Return what lies in it."""
        return self.body or []

    def all(self) -> Iterator[Member]:
        """Yield it and everything inside it, outer before inner."""
        yield self
        for each in self.body or ():
            yield from each.all()

    def docs(self) -> list[tuple[str, str]]:
        """Return its documentation, each with the name it may have."""
        return [(each.name, each.text) for each in self.members() if each.kind == "doc"]

    def path(self) -> str:
        """Return its qualified name, for people."""
        # The root has no keyword and no name; a path begins with what lies in it.
        above = self.owner.path() if self.owner is not None and self.owner.kind != "" else ""
        return f"{above}::{self.label}" if above and self.label else above or self.label


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read."""

    source: Source
    root: Member
    """Holds the members of the file; it has no keyword."""
    findings: tuple[Finding, ...]
    """What was wrong with the syntax, in the order of the text."""

    def text(self) -> str:
        """Write the text from the tree: equal, byte for byte, to what was read."""
        pieces: list[str] = []
        # From the tokens and not from the text, so that a token which the tree has lost would be missed by the tests.
        end = self._write(self.root, 0, pieces)
        pieces.append(self.source.text[end:])
        return "".join(pieces)

    def _write(self, member: Member, at: int, pieces: list[str]) -> int:
        """Write the tokens of a member with what lies before each; return how far the text is written."""
        token = member.span.first
        # A member owns the tokens between its parts: braces, commas and semicolons, with the comments before them.
        for inner in member.members():
            # What lies before a token, spaces and notes, is copied as it stands: nobody has looked at it.
            at = self._write_tokens(token, inner.span.first, at, pieces)
            at = self._write(inner, at, pieces)
            token = inner.span.end
        return self._write_tokens(token, member.span.end, at, pieces)

    def _write_tokens(self, first: int, end: int, at: int, pieces: list[str]) -> int:
        source = self.source
        for token in range(first, end):
            pieces += (source.text[at : source.starts[token]], source.words[token])
            at = source.end(token)
        return at
