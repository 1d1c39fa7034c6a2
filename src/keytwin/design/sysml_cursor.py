"""Steps over the tokens of SysML v2 text: references, expressions, brackets, and where a head ends."""

from __future__ import annotations

from typing import Final

from keytwin.design.sysml_tokens import Kind, Source
from keytwin.design.sysml_tree import Reference, Span
from keytwin.vocabulary.errors import Finding

# `member`, `composite` and `portion` are KerML's and reserved by it alone: as names they are legal in SysML.
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
# These words go on with the member before as often as they begin one, so they prove no missing semicolon.
_CONTINUING: Final = "default do if for until then else accept assign send while loop terminate not"
CLAUSES: Final = frozenset(
    {"connect", "to", "from", "of", "by", "allocate", "first", "then", "if", "accept", "via", "about", "for", "do"}
    | {"after", "at", "when", "send", "until", "while", "else", "featured", "chains", "inverse", "unions"}
)
"""Words of a head with what follows them; the last are of KerML."""
STARTING: Final = frozenset({*PREFIXES, *KEYWORDS} - {*_CONTINUING.split()} - CLAUSES)
"""Words that begin a member: at the start of a line within a head they show that a `;` is missing."""
RELATIONS: Final = {
    ":": "typed", "defined": "typed", "typed": "typed", ":>": "subsets", "specializes": "subsets", "subsets": "subsets",
    ":>>": "redefines", "redefines": "redefines", "::>": "references", "references": "references",
    "=>": "crosses", "crosses": "crosses", "conjugates": "subsets", "~": "subsets",
}  # fmt: skip
_AFTER_NAMES: Final = frozenset({":", ":>", ":>>", ";", "=", "{", "[", ".", "::", ")"})
OPENING: Final = {"(": ")", "[": "]", "{": "}"}


class Cursor:
    """Knows how far things reach; it keeps no place of its own."""

    def __init__(self, source: Source, findings: list[Finding]) -> None:
        self.source = source
        self.findings = findings

    def say(self, token: int, what: str, suggestion: str) -> None:
        """Report a mistake at a token."""
        self.findings.append(self.source.finding(token, what, suggestion))

    def is_head_end(self, at: int) -> bool:
        """Tell whether the head of a member ends here, well or not."""
        kind = self.source.kinds[at]
        return kind is Kind.END or (kind is Kind.SIGN and self.source.words[at] in {";", "{", "}"})

    def is_clause_end(self, at: int) -> bool:
        """Tell whether what follows a word ends here: at another such word, at a value, or with the head."""
        word, kind = self.source.words[at], self.source.kinds[at]
        is_next = (kind is Kind.WORD and word in CLAUSES) or (kind is Kind.SIGN and word in {"=", ":="})
        return is_next or self.is_head_end(at)

    def begins_member(self, at: int) -> bool:
        """Tell whether a new member begins here, which shows that the one before has no end."""
        # Only at the start of a line: in the middle of one, a keyword may be part of what we do not understand.
        is_keyword = self.source.kinds[at] is Kind.WORD and self.source.words[at] in STARTING
        return is_keyword and self._starts_line(at)

    def _starts_line(self, at: int) -> bool:
        source = self.source
        return at > 0 and "\n" in source.text[source.end(at - 1) : source.starts[at]]

    def is_declared(self, at: int) -> bool:
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

    def reference(self, at: int) -> Reference:
        """Read a name with what qualifies it: `A::b.c`."""
        source, words, start = self.source, self.source.words, at
        is_conjugated = words[at] == "~"
        # `~` turns round the port that the whole name means; it is no part of the name itself.
        if is_conjugated:
            at += 1
        if words[at] == "$" and words[at + 1] == "::":  # the global scope, where names are looked for anyway
            at += 2
        if not source.is_name(at):
            self.say(at, "a name is missing here", "write the name of what is meant")
            # An empty name is found nowhere: the rules stay silent about what the syntax has already complained of.
            return Reference(("",), Span(start, max(at, start + 1)), is_conjugated)
        return self.chain(at, len(words), start, is_conjugated=is_conjugated)

    def chain(self, at: int, end: int, start: int, *, is_conjugated: bool = False) -> Reference:
        """Read the names from a token on, as far as `::` and `.` join them."""
        source, words = self.source, self.source.words
        names, joints = [source.name(at)], []
        at += 1
        # A joint without a name behind it is left to the caller: in `import a::*` the star is no name.
        while at + 1 < end and words[at] in {"::", "."} and source.is_name(at + 1):
            joints.append(words[at])
            names.append(source.name(at + 1))
            at += 2
        return Reference(tuple(names), Span(start, at), is_conjugated, tuple(joints))

    def skip_expression(self, at: int) -> int:
        """Return where an expression ends: at `;`, at a brace that is none of its own, or at the next member."""
        start = at
        while not self._is_expression_end(at, start):
            at = self.step(at)
        return at

    def _is_expression_end(self, at: int, start: int) -> bool:
        word, kind = self.source.words[at], self.source.kinds[at]
        if kind in {Kind.END, Kind.COMMENT}:
            return True
        # `:>` and `:>>` are no operators of expressions: a specialisation may follow a value.
        if kind is Kind.SIGN and word in {";", "}", ")", "]", ",", ":>", ":>>"}:
            return True
        if kind is Kind.SIGN and word == "{":
            return not self._takes_body(at - 1)
        # The first token belongs to the value even when it is a keyword at a line's start, else no step were made.
        return at > start and self.begins_member(at)

    def _takes_body(self, at: int) -> bool:
        """Tell whether a brace after this token is an expression's: `default {...}`, `x.{...}`, `x->select {...}`."""
        words = self.source.words
        # Any other brace after a name is the body of the member: `attribute a = b { doc ... }`.
        is_of_call = self.source.is_name(at) and words[at - 1] == "->"
        return words[at] in {".", ".?", "=", ":=", "default"} or is_of_call

    def step(self, at: int) -> int:
        """Return the token behind this one; behind a bracket, the token behind its other half."""
        # Strings may hold brackets, so the kind of the token is asked as well as its text.
        is_bracket = self.source.kinds[at] is Kind.SIGN and self.source.words[at] in OPENING
        return self.skip_balanced(at) if is_bracket else at + 1

    def skip_balanced(self, opening: int) -> int:
        """Return the token behind the bracket that closes this one; behind this one when none does."""
        words = self.source.words
        wanted: list[str] = []
        # The last token is the end of the text, which closes nothing.
        for at in range(opening, len(words) - 1):
            if self.source.kinds[at] is not Kind.SIGN:
                continue
            word = words[at]
            if word in OPENING:
                wanted.append(OPENING[word])
            elif word == wanted[-1]:
                wanted.pop()
                if not wanted:
                    return at + 1
            # A semicolon ends members, and may only lie in braces: what comes after it is not inside this bracket.
            elif word in OPENING.values() or (word == ";" and "}" not in wanted):
                break
        closing = OPENING[words[opening]]
        self.say(opening, f"the '{words[opening]}' is never closed", f"add the '{closing}' that is missing")
        # Only the bracket is given up: what it seemed to hold is read once more, so that no member is swallowed.
        return opening + 1
