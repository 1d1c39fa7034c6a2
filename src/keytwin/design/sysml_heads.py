"""Heads of members in SysML v2 text: prefixes, keywords, names, types, multiplicity, value, clauses."""

from __future__ import annotations

from typing import Final

from keytwin.design.sysml_tokens import Kind, Source
from keytwin.design.sysml_tree import Member, Reference, Span
from keytwin.vocabulary.errors import Finding

_PREFIX_WORDS: Final = """
    public private protected in out inout abstract variation variant ref derived readonly constant var composite
    portion individual end default then else member const standard
"""
PREFIXES: Final = frozenset(_PREFIX_WORDS.split())
_KEYWORD_WORDS: Final = """
    package library def attribute enum item part port action state calc constraint requirement concern case analysis
    verification use view viewpoint rendering allocation connection interface flow message occurrence event binding
    succession metadata snapshot timeslice alias import dependency doc comment rep language locale perform exhibit
    include satisfy verify assert assume require frame render expose filter subject actor stakeholder objective return
    entry do exit transition accept send assign if while loop for until merge decide fork join first bind connect
    allocate terminate not namespace type classifier class struct datatype assoc behavior function predicate
    interaction feature step expr bool inv metaclass connector multiplicity subset redefinition
"""
KEYWORDS: Final = frozenset(_KEYWORD_WORDS.split())
_CONTINUING: Final = "default do if for until then else accept assign send while loop terminate not"
_STARTING: Final = frozenset({*PREFIXES, *KEYWORDS} - {*_CONTINUING.split()})
"""Words that begin a member: in the middle of a head at the start of a line they show that a `;` is missing."""
CLAUSES: Final = frozenset(
    {"connect", "to", "from", "of", "by", "allocate", "first", "then", "if", "accept", "via", "about", "for", "do"}
    | {"after", "at", "when", "send", "until", "while", "else", "featured", "chains", "inverse", "unions"}
)
_REFERRING: Final = frozenset(
    {"satisfy", "verify", "perform", "exhibit", "include", "event", "frame", "render", "import", "expose", "variant"}
    | {"assert", "assume", "require", "first", "bind", "connect", "allocate"}
    | {"assert not", "satisfy not", "not satisfy", "assert satisfy", "assert not satisfy", "import all", "then", "else"}
)
"""Keywords after which a name refers to something that is declared elsewhere, unless more keywords follow."""
_CLAUSE_KINDS: Final = frozenset({"first", "connect", "allocate", "accept", "if", "for", "while", "until", "send"})
"""Keywords that begin a member and are themselves followed by a clause."""
_RELATIONS: Final = {
    ":": "typed", "defined": "typed", "typed": "typed", ":>": "subsets", "specializes": "subsets", "subsets": "subsets",
    ":>>": "redefines", "redefines": "redefines", "::>": "references", "references": "references",
    "=>": "crosses", "crosses": "crosses", "conjugates": "subsets", "~": "subsets",
}  # fmt: skip
_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_TEXTUAL: Final = frozenset({"doc", "comment", "rep", "language", "locale"})


class HeadReader:
    """Reads the head of one member, from its first token to what ends it."""

    def __init__(self, source: Source, findings: list[Finding]) -> None:
        self.source = source
        self.findings = findings

    def read(self, at: int) -> Member:
        """Return a member without its body; `head_end` is the token behind the head."""
        member = Member("", Span(at, at + 1))
        start = at
        at = self._read_prefixes(member, at)
        at = self._read_keywords(member, at)
        if self._is_expression(member, at):
            member.kind = member.kind or "expression"
            member.value = Span(at, self._skip_expression(at))
            at = member.value.end
        elif set(member.kind.split()) & _TEXTUAL or self.source.kinds[at] is Kind.COMMENT:
            at = self._read_textual(member, at)
        else:
            at = self._read_declaration(member, at)
        member.head_end = max(at, start + 1)
        return member

    # --- prefixes and keywords --------------------------------------------------------------------------------------

    def _read_prefixes(self, member: Member, at: int) -> int:
        words, kinds = self.source.words, self.source.kinds
        found: list[str] = []
        while True:
            if words[at] == "#" and kinds[at] is Kind.SIGN and self.source.is_name(at + 1):
                reference = self.reference(at + 1)
                found.append(f"#{reference}")
                at = reference.span.end
            elif (kinds[at] is Kind.WORD and words[at] in PREFIXES) or words[at] in {"member", "composite", "portion"}:
                if self._is_declared(at):
                    break
                found.append(words[at])
                at += 1
            else:
                break
        member.prefixes = tuple(found)
        return at

    def _read_keywords(self, member: Member, at: int) -> int:
        words, kinds = self.source.words, self.source.kinds
        if words[at] == "@" and kinds[at] is Kind.SIGN:
            member.kind = "metadata"
            member.prefixes = (*member.prefixes, "@")
            return at + 1
        found: list[str] = []
        while words[at] in KEYWORDS and not self._is_declared(at) and kinds[at] in {Kind.WORD, Kind.NAME}:
            if found and words[at] in CLAUSES and words[at] not in {"allocate", "for"}:
                break
            found.append(words[at])
            at += 1
        member.kind = " ".join(found)
        return at

    def _is_declared(self, at: int) -> bool:
        """Tell whether a word of KerML that SysML does not reserve is used as a name here."""
        following = self.source.words[at + 1] if at + 1 < len(self.source.words) else ""
        return self.source.kinds[at] is Kind.NAME and following in {
            ":",
            ":>",
            ":>>",
            ";",
            "=",
            "{",
            "[",
            ".",
            "::",
            ")",
        }

    def _is_expression(self, member: Member, at: int) -> bool:
        """Tell whether this is the result of a calculation or constraint: it ends at a brace, without a semicolon."""
        words, kinds = self.source.words, self.source.kinds
        if member.kind == "filter":
            return True
        if member.kind not in {"", "not", "if"} or (member.prefixes and member.kind != "not"):
            return False
        if (kinds[at] is Kind.WORD and words[at] in _RELATIONS) or words[at] in {":", ":>", ":>>", "::>", "}", "{"}:
            return False
        end = self._skip_expression(at)
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
            member.clauses.append((words[start], Span(min(start + 1, at), at)))
        if kinds[at] is not Kind.COMMENT:
            self._say(at, f"'{member.kind}' has no text", "write it between /* and */")
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
        is_bare = member.kind == "" and bool({"variant", "then", "else"} & set(member.prefixes))
        return is_bare or self.source.words[at + 1] in {".", "::"}

    def _read_target(self, member: Member, at: int) -> int:
        member.name_token = at
        if "@" in member.prefixes and self.source.words[at + 1] in {":", "defined"}:
            member.name = self.source.name(at)
            return at + 1
        member.target = self.reference(at)
        at = member.target.span.end
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
        if words[at] == "<" and words[at + 2] == ">":
            member.short = self.source.name(at + 1)
            at += 3
        if self.source.is_name(at):
            member.name_token = at
            member.name = self.source.name(at)
            at += 1
        return at

    def _read_parts(self, member: Member, at: int) -> int:
        """Read types, multiplicity, value and clauses until the head ends."""
        source, words = self.source, self.source.words
        while True:
            word, kind = words[at], source.kinds[at]
            if kind is Kind.END or (word in {";", "{", "}"} and kind is Kind.SIGN):
                if kind is Kind.END or word == "}":
                    self._say_unended(member, at)
                return at
            if word in _RELATIONS and kind is not Kind.STRING:
                at = self._read_relation(member, at)
            elif word == "[":
                end = self._skip_balanced(at)
                member.multiplicity = member.multiplicity or Span(at + 1, end - 1)
                at = end
            elif word in {"=", ":=", "default"}:
                at = self._read_value(member, at)
            elif kind is Kind.WORD and word in CLAUSES:
                at = self._read_clause(member, word, at + 1)
            elif self._starts_line(at) and kind is Kind.WORD and word in _STARTING:
                self._say(at, f"a ';' is missing before '{word}'", "end the line above with ';'")
                return at
            else:
                at = self._skip_balanced(at) if word in _OPENING else at + 1

    def _read_relation(self, member: Member, at: int) -> int:
        words = self.source.words
        relation = _RELATIONS[words[at]]
        at += 1
        if words[at] == "by":
            at += 1
        into = getattr(member, relation) if relation != "crosses" else []
        while self.source.is_name(at) or words[at] == "~" or (words[at] == "$" and words[at + 1] == "::"):
            reference = self.reference(at)
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
        if sign == "default" and words[at] in {"=", ":="}:
            sign = f"default {words[at]}"
            at += 1
        end = self._skip_expression(at)
        if end == at:
            self._say(at, "a value is missing here", "write an expression, such as 20 [km]")
        member.value, member.value_sign = Span(at, end), sign
        return end

    def _read_clause(self, member: Member, word: str, at: int) -> int:
        """Read what follows a word, up to the next such word or the end of the head."""
        source, words = self.source, self.source.words
        start = at
        while True:
            kind = source.kinds[at]
            if kind is Kind.END or (kind is Kind.SIGN and words[at] in {";", "{", "}"}):
                break
            if (kind is Kind.WORD and words[at] in CLAUSES) or (kind is Kind.SIGN and words[at] in {"=", ":="}):
                break
            if self._starts_line(at) and at > start and kind is Kind.WORD and words[at] in _STARTING:
                break
            at = self._skip_balanced(at) if words[at] in _OPENING else at + 1
        member.clauses.append((word, Span(start, at)))
        return at

    # --- pieces -----------------------------------------------------------------------------------------------------

    def reference(self, at: int) -> Reference:
        """Read a name with what qualifies it: `A::b.c`."""
        source, words, start = self.source, self.source.words, at
        is_conjugated = words[at] == "~"
        if is_conjugated:
            at += 1
        if words[at] == "$" and words[at + 1] == "::":
            at += 2
        if not source.is_name(at):
            self._say(at, "a name is missing here", "write the name of what is meant")
            return Reference(("",), Span(start, max(at, start + 1)), is_conjugated)
        names, joints = [source.name(at)], []
        at += 1
        while words[at] in {"::", "."} and source.is_name(at + 1):
            joints.append(words[at])
            names.append(source.name(at + 1))
            at += 2
        return Reference(tuple(names), Span(start, at), is_conjugated, tuple(joints))

    def _skip_expression(self, at: int) -> int:
        """Return where an expression ends: at `;`, at a brace that is none of its own, or at a word of the head."""
        source, words = self.source, self.source.words
        start = at
        while True:
            word, kind = words[at], source.kinds[at]
            if kind is Kind.END or kind is Kind.COMMENT:
                return at
            if kind is Kind.SIGN and word in {";", "}", ")", "]", ",", ":>", ":>>"}:
                return at
            if word == "{" and not (self._takes_body(at - 1) and at >= start):
                return at
            if kind is Kind.WORD and self._starts_line(at) and at > start and word in _STARTING:
                return at
            at = self._skip_balanced(at) if kind is Kind.SIGN and word in _OPENING else at + 1

    def _takes_body(self, at: int) -> bool:
        """Tell whether a brace after this token is an expression's: `default {...}`, `x.{...}`, `x->select {...}`."""
        words = self.source.words
        return words[at] in {".", ".?", "=", ":=", "default"} or (self.source.is_name(at) and words[at - 1] == "->")

    def _skip_balanced(self, opening: int) -> int:
        """Return the token behind the bracket that closes this one; behind this one when none does."""
        source, words = self.source, self.source.words
        open_ones: list[str] = []
        at = opening
        while source.kinds[at] is not Kind.END:
            word = words[at]
            if source.kinds[at] is Kind.SIGN:
                if word in _OPENING:
                    open_ones.append(_OPENING[word])
                elif open_ones and word == open_ones[-1]:
                    open_ones.pop()
                    if not open_ones:
                        return at + 1
                elif word in {")", "]", "}"} or (word == ";" and "}" not in open_ones):
                    break
            at += 1
        closing = _OPENING[words[opening]]
        self._say(opening, f"the '{words[opening]}' is never closed", f"add the '{closing}' that is missing")
        return opening + 1

    def _starts_line(self, at: int) -> bool:
        source = self.source
        return at > 0 and "\n" in source.text[source.end(at - 1) : source.starts[at]]

    def _say_unended(self, member: Member, at: int) -> None:
        if member.kind == "" and not member.typed:
            what = "this is no member"
        else:
            words = f"{member.kind} {member.label}".strip()
            what = f"'{words}' has no end"
        self._say(max(at - 1, member.span.first), what, "end it with ';' or give it a body in braces")

    def _say(self, token: int, what: str, suggestion: str) -> None:
        self.findings.append(self.source.finding(token, what, suggestion))


def comment_text(word: str) -> str:
    """Return the text of a comment without its marks, nor the stars that begin its lines."""
    lines = word[2:-2].splitlines()
    cleaned = [line.strip().removeprefix("*").strip() if number else line.strip() for number, line in enumerate(lines)]
    return "\n".join(cleaned).strip()
