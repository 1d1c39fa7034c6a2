"""Heads of members in SysML v2 text: prefixes, keywords, names, types, multiplicity, value, clauses."""

from __future__ import annotations

from typing import Final

from keytwin.design.sysml_cursor import CLAUSES, KEYWORDS, PREFIXES, RELATIONS, Cursor
from keytwin.design.sysml_tokens import Kind, Source
from keytwin.design.sysml_tree import Member, Span
from keytwin.vocabulary.errors import Finding

# `perform action a` declares an action, `perform a` names one that is there: one word decides.
_REFERRING: Final = frozenset(
    {"satisfy", "verify", "perform", "exhibit", "include", "event", "frame", "render", "import", "expose", "variant"}
    | {"assert", "assume", "require", "first", "bind", "connect", "allocate"}
    | {"assert not", "satisfy not", "not satisfy", "assert satisfy", "assert not satisfy", "import all", "then", "else"}
)
"""Keywords after which a name refers to something that is declared elsewhere, unless more keywords follow."""
_CLAUSE_KINDS: Final = frozenset({"first", "connect", "allocate", "accept", "if", "for", "while", "until", "send"})
"""Keywords that begin a member and are themselves followed by a clause."""
_ENDS: Final = "end it with ';' or give it a body in braces"
# In these a comment is what they say; anywhere else it is an element of its own.
_TEXTUAL: Final = frozenset({"doc", "comment", "rep", "language", "locale"})


class HeadReader:
    """Reads the head of one member, from its first token to what ends it."""

    def __init__(self, source: Source, findings: list[Finding]) -> None:
        self.source = source
        self.cursor = Cursor(source, findings)

    def read(self, at: int) -> Member:
        """Return a member without its body; `head_end` is the token behind the head."""
        member = Member("", Span(at, at + 1))
        start = at
        at = self._read_prefixes(member, at)
        at = self._read_keywords(member, at)
        # A result looks like a usage without a keyword; only its end tells them apart.
        if self._is_expression(member, at):
            member.kind = member.kind or "expression"
            member.value = Span(at, self.cursor.skip_expression(at))
            at = member.value.end
        # A comment without `comment` before it is still an element of the model, by the grammar's short form.
        elif set(member.kind.split()) & _TEXTUAL or self.source.kinds[at] is Kind.COMMENT:
            at = self._read_textual(member, at)
        else:
            at = self._read_declaration(member, at)
        # At least one token is taken, so that what nobody understands cannot hold the reader up.
        member.head_end = max(at, start + 1)
        return member

    # --- prefixes and keywords --------------------------------------------------------------------------------------

    def _read_prefixes(self, member: Member, at: int) -> int:
        words, kinds = self.source.words, self.source.kinds
        found: list[str] = []
        while True:
            if words[at] == "#" and kinds[at] is Kind.SIGN and self.source.is_name(at + 1):
                reference = self.cursor.reference(at + 1)
                # User-defined keywords such as `#hazard` stand among the prefixes, in any number.
                found.append(f"#{reference}")
                at = reference.span.end
            elif (kinds[at] is Kind.WORD and words[at] in PREFIXES) or words[at] in {"member", "composite", "portion"}:
                if self.cursor.is_declared(at):
                    break
                found.append(words[at])
                at += 1
            else:
                break
        member.prefixes = tuple(found)
        return at

    def _read_keywords(self, member: Member, at: int) -> int:
        words, kinds = self.source.words, self.source.kinds
        # `@` is the short form of `metadata`; it is kept as a prefix, since its name is a type that it refers to.
        if words[at] == "@" and kinds[at] is Kind.SIGN:
            member.kind = "metadata"
            member.prefixes = (*member.prefixes, "@")
            return at + 1
        found: list[str] = []
        while words[at] in KEYWORDS and not self.cursor.is_declared(at) and kinds[at] in {Kind.WORD, Kind.NAME}:
            # `message m of T`, but `connect a`: behind another keyword such a word begins a clause.
            if found and words[at] in CLAUSES and words[at] not in {"allocate", "for"}:
                break
            found.append(words[at])
            at += 1
        member.kind = " ".join(found)
        return at

    def _is_expression(self, member: Member, at: int) -> bool:
        """Tell whether this is the result of a calculation or constraint: it ends at a brace, without a semicolon."""
        words, kinds = self.source.words, self.source.kinds
        # A filter is an expression too, though it ends with a semicolon.
        if member.kind == "filter":
            return True
        if member.kind not in {"", "not", "if"} or (member.prefixes and member.kind != "not"):
            return False
        if (kinds[at] is Kind.WORD and words[at] in RELATIONS) or words[at] in {":", ":>", ":>>", "::>", "}", "{"}:
            return False
        end = self.cursor.skip_expression(at)
        # `x;` is a usage without a keyword, `x }` the result of the body: nothing before the end tells them apart.
        return end > at and words[end] == "}"

    # --- documentation ----------------------------------------------------------------------------------------------

    def _read_textual(self, member: Member, at: int) -> int:
        """Read up to the comment that holds the text."""
        words, kinds = self.source.words, self.source.kinds
        member.kind = member.kind or "comment"
        at = self._read_identification(member, at)
        start = at
        while kinds[at] is not Kind.COMMENT and kinds[at] is not Kind.END and words[at] not in {"{", "}", ";"}:
            at += 1
        if at > start:
            # What stands between, such as `about a` or `locale`, belongs to the comment's own head.
            member.clauses.append((words[start], Span(min(start + 1, at), at)))
        if kinds[at] is not Kind.COMMENT:
            self.cursor.say(at, f"'{member.kind}' has no text", "write it between /* and */")
            return at
        member.text = comment_text(words[at])
        return at + 1

    # --- declarations -----------------------------------------------------------------------------------------------

    def _read_declaration(self, member: Member, at: int) -> int:
        if member.kind in _CLAUSE_KINDS or member.kind.rpartition(" ")[2] in _CLAUSE_KINDS - {"for", "if"}:
            at = self._read_clause(member, member.kind.rpartition(" ")[2], at)
        elif self._refers(member, at):
            at = self._read_target(member, at)
        else:
            at = self._read_identification(member, at)
        return self._read_parts(member, at)

    def _refers(self, member: Member, at: int) -> bool:
        if not self.source.is_name(at) and self.source.words[at] != "~":
            return False
        if member.kind in _REFERRING or "@" in member.prefixes:
            return True
        # `variant a` in a variation refers to a usage that is there, as `variant part a` does not.
        is_bare = member.kind == "" and bool({"variant", "then", "else"} & set(member.prefixes))
        return is_bare or self.source.words[at + 1] in {".", "::"}

    def _read_target(self, member: Member, at: int) -> int:
        member.name_token = at
        # `@ m : Safety` names the annotation; `@Safety` names its definition.
        if "@" in member.prefixes and self.source.words[at + 1] in {":", "defined"}:
            member.name = self.source.name(at)
            return at + 1
        member.target = self.cursor.reference(at)
        at = member.target.span.end
        # What an import takes in is said behind the name: `::*` the members, `::**` those at every depth.
        if member.kind.startswith(("import", "expose")):
            start = at
            while self.source.words[at] in {"::", "*", "**"}:
                at += 1
            if at > start:
                member.clauses.append(("all", Span(start, at)))
        return at

    def _read_identification(self, member: Member, at: int) -> int:
        words = self.source.words
        member.name_token = at
        # Elsewhere `<` compares; a short name is one name between angles, and stands before the name.
        if words[at] == "<" and self.source.is_name(at + 1) and words[at + 2] == ">":
            member.short = self.source.name(at + 1)
            at += 3
        if self.source.is_name(at):
            member.name_token = at
            member.name = self.source.name(at)
            at += 1
        return at

    def _read_parts(self, member: Member, at: int) -> int:
        """Read types, multiplicity, value and clauses until the head ends."""
        cursor = self.cursor
        while not cursor.is_head_end(at):
            if cursor.begins_member(at):
                word = self.source.words[at]
                cursor.say(at, f"a ';' is missing before '{word}'", "end the line above with ';'")
                return at
            at = self._read_part(member, at)
        # The finding lies on the last token of the head, where the semicolon would be written.
        if self.source.words[at] not in {";", "{"}:
            self.cursor.say(max(at - 1, member.span.first), _unended(member), _ENDS)
        return at

    def _read_part(self, member: Member, at: int) -> int:
        """Read one of these; what is none of them is stepped over, and stays what it is."""
        word, kind = self.source.words[at], self.source.kinds[at]
        if kind is Kind.STRING:
            return at + 1
        if word in RELATIONS:
            return self._read_relation(member, at)
        if word == "[":
            end = self.cursor.skip_balanced(at)
            # The first is the multiplicity: later ones are indexes of something that is not understood.
            member.multiplicity = member.multiplicity or Span(at + 1, end - 1)
            return end
        if word in {"=", ":=", "default"}:
            return self._read_value(member, at)
        if kind is Kind.WORD and word in CLAUSES:
            return self._read_clause(member, word, at + 1)
        # A bracket that is not understood is passed whole: a `;` inside it does not end the head.
        return self.cursor.step(at)

    def _read_relation(self, member: Member, at: int) -> int:
        words = self.source.words
        relation = RELATIONS[words[at]]
        at += 1
        if words[at] == "by":
            at += 1
        # No rule here follows a crossing, so it is read, to get past it, and not kept.
        into = getattr(member, relation) if relation != "crosses" else []
        while self.source.is_name(at) or words[at] == "~" or (words[at] == "$" and words[at + 1] == "::"):
            reference = self.cursor.reference(at)
            into.append(reference)
            at = reference.span.end
            if words[at] != ",":
                break
            at += 1
        return at

    def _read_value(self, member: Member, at: int) -> int:
        words = self.source.words
        sign = words[at]
        at += 1
        # `default 5` and `default = 5` mean the same, and both lie open to a configuration that says another value.
        if sign == "default" and words[at] in {"=", ":="}:
            sign = f"default {words[at]}"
            at += 1
        end = self.cursor.skip_expression(at)
        # It is told here, where the value should stand, and not where the head happens to end.
        if end == at:
            self.cursor.say(at, "a value is missing here", "write an expression, such as 20 [km]")
        member.value, member.value_sign = Span(at, end), sign
        return end

    def _read_clause(self, member: Member, word: str, at: int) -> int:
        """Read what follows a word, up to the next such word or the end of the head."""
        start = at
        while not self.cursor.is_clause_end(at) and not (at > start and self.cursor.begins_member(at)):
            at = self.cursor.step(at)
        member.clauses.append((word, Span(start, at)))
        return at


def _unended(member: Member) -> str:
    """Say what has no end."""
    words = f"{member.kind} {member.label}".strip()
    return f"'{words}' has no end" if member.kind or member.typed else "this is no member"


def comment_text(word: str) -> str:
    """Return the text of a comment without its marks, nor the stars that begin its lines."""
    lines = word[2:-2].splitlines()
    # A star at the start of the first line is text: only the lines below it are decorated.
    cleaned = [line.strip().removeprefix("*").strip() if number else line.strip() for number, line in enumerate(lines)]
    return "\n".join(cleaned).strip()
