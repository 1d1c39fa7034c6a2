"""A reader of SysML v2 text, by recursive descent: heads, bodies, and nothing lost. OMG SysML v2, textual notation.

A member is a head and then `;` or a body in braces. In a head the reader knows prefixes, keywords, names, types,
specialisation, multiplicity, value, and clauses such as `from ... to ...`. Whatever else stands there is kept as it
is. After a mistake it says where, and goes on with the next member.
"""

from __future__ import annotations

from typing import Final

from keytwin.design.sysml_heads import HeadReader
from keytwin.design.sysml_tokens import Kind, Source, tokenise
from keytwin.design.sysml_tree import Document, Member, Span
from keytwin.vocabulary.errors import Finding

DEEPEST: Final = 200  # bodies in bodies: more is no model, and would exhaust the stack


def read_sysml(text: str, file: str = "") -> Document:
    """Read a text; what is wrong with it is among the findings of the document."""
    source = tokenise(text, file)
    reader = _Reader(source)
    # The root leaves the end token out: `text()` writes what follows the last token by itself.
    root = Member("", Span(0, len(source.words) - 1), body=[])
    reader.read_body(root, 0, depth=0)
    # The two lists were filled in passes of their own; whoever mends a text goes through it from the top.
    findings = sorted([*source.findings, *reader.findings], key=lambda each: (each.line, each.column))
    return Document(source, root, tuple(findings))


class _Reader:
    """Goes through the tokens once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []
        self.heads = HeadReader(source, self.findings)

    def read_body(self, owner: Member, at: int, depth: int) -> int:
        """Read members until the brace that closes the body, or the end of the text; return where that is."""
        words, kinds = self.source.words, self.source.kinds
        assert owner.body is not None
        while kinds[at] is not Kind.END:
            if words[at] == "}" and kinds[at] is Kind.SIGN:
                # Only the root is without an owner, and there no brace is open that this one could close.
                if owner.owner is not None:
                    return at
                self._say(at, "a '}' closes nothing", "remove it, or add the '{' that it belongs to")
                at += 1
            elif words[at] == ";":
                at += 1  # an empty member, which the notation allows
            else:
                at = self._read_member(owner, at, depth)
        return at

    def _read_member(self, owner: Member, at: int, depth: int) -> int:
        assert owner.body is not None
        member = self.heads.read(at)
        member.owner = owner
        owner.body.append(member)
        end = member.head_end
        words, kinds = self.source.words, self.source.kinds
        if words[end] == "{" and kinds[end] is Kind.SIGN:
            end = self._read_braces(member, end, depth)
        elif words[end] == ";" and kinds[end] is Kind.SIGN:
            end += 1
        # Without this the loop of the body would never end, on a text that somebody else wrote.
        assert end > at, "a member takes a token at least"
        member.span = Span(at, end)
        return end

    def _read_braces(self, member: Member, opening: int, depth: int) -> int:
        """Read a body; return the token behind it."""
        # The rest is skipped whole: half-read bodies would lie in the wrong owner and bring faults of their own.
        if depth >= DEEPEST:
            self._say(opening, f"bodies lie more than {DEEPEST} deep", "is a '}' missing further up?")
            return len(self.source.words) - 1
        member.body = []
        closing = self.read_body(member, opening + 1, depth + 1)
        # The opening brace is told of: the end of the text is where nobody can see which one is missing.
        if self.source.kinds[closing] is Kind.END:
            self._say(opening, "the '{' of this body is never closed", "add the '}' that is missing")
            return closing
        return closing + 1

    def _say(self, token: int, what: str, suggestion: str) -> None:
        self.findings.append(self.source.finding(token, what, suggestion))
