"""The words of SysML v2 text, each with its place: OMG SysML v2, textual notation, lexical structure.

Nothing is lost: what lies between two tokens (spaces, notes) belongs to the text that is kept beside them. A note
(`//`) is no token; a comment (`/* */`) is one, since it is an element of the model.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.design.sysml_text import RESERVED, unescaped
from keytwin.vocabulary.errors import Finding


class Kind(StrEnum):
    """Kinds of token."""

    NAME = "name"
    QUOTED = "quoted"
    WORD = "word"
    """A reserved word."""
    STRING = "string"
    NUMBER = "number"
    COMMENT = "comment"
    SIGN = "sign"
    BAD = "bad"
    """Characters that begin nothing, or a quote or comment that is never closed."""
    END = "end"


# Longer signs stand before their beginnings, since an alternation takes the first that fits: `:>>` before `:>`.
_SIGNS: Final = (
    r"::>|:>>|::|:>|:=|=>|===|==|=|!==|!=|->|\.\.|\.\?|\.|\*\*|\*|<=|<|>=|>|\?\?|\?|[{}\[\]();,~@#&|^+\-/%$:]"
)
# A note comes before signs, and `//*` is a note of several lines: as `//` it would end with its first line.
# A number ends before `..`, so that `1..2` is a range and not `1.` and `.2`.
_PATTERN: Final = re.compile(
    rf"""(?P<space>[\s\ufeff]+|//(?!\*)[^\n]*|//\*.*?\*/)
    |(?P<name>[^\W\d]\w*)
    |(?P<number>\d+(?:\.(?!\.)\d+)?(?:[eE][+-]?\d+)?)
    |(?P<quoted>'(?:[^'\\\n]|\\.)*')
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<comment>/\*.*?\*/)
    |(?P<open>/\*|//\*|'|")
    |(?P<sign>{_SIGNS})
    |(?P<bad>.)""",
    flags=re.DOTALL | re.VERBOSE,
)
# A name becomes a word or a name, and a bad token a finding, so these two are not found by their group.
_KINDS: Final = {kind.value: kind for kind in (Kind.NUMBER, Kind.QUOTED, Kind.STRING, Kind.COMMENT, Kind.SIGN)}
_OPEN: Final = {"/*": "this comment is never closed", "//*": "this note is never closed"}


@dataclass(frozen=True, slots=True)
class Source:
    """A text with its tokens; lists of equal length, of which the last token is the end of the text."""

    file: str
    text: str
    kinds: list[Kind]
    words: list[str]
    starts: list[int]
    findings: list[Finding]
    lines: list[int]
    """Where each line begins."""

    def end(self, token: int) -> int:
        """Return where a token ends."""
        return self.starts[token] + len(self.words[token])

    def place(self, token: int) -> tuple[int, int]:
        """Return line and column of a token, from 1."""
        return self.place_of(self.starts[token])

    def place_of(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, from 1."""
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def span(self, first: int, end: int) -> str:
        """Return the text of some tokens, with what lies between them."""
        return self.text[self.starts[first] : self.end(end - 1)] if end > first else ""

    def name(self, token: int) -> str:
        """Return the name that a token stands for, without its quotes."""
        word = self.words[token]
        # A model that quotes a name needlessly still means the same element as one that does not.
        return unescaped(word[1:-1]) if self.kinds[token] is Kind.QUOTED else word

    def is_name(self, token: int) -> bool:
        """Tell whether a token is a name, plain or quoted."""
        return self.kinds[token] in {Kind.NAME, Kind.QUOTED}

    def finding(self, token: int, what: str, suggestion: str) -> Finding:
        """Return a finding at a token."""
        line, column = self.place(token)
        return Finding(what, self.file, line, column, suggestion=suggestion)


def tokenise(text: str, file: str = "") -> Source:
    """Split a text into tokens; what is no token at all becomes a finding, and reading goes on behind it."""
    source = Source(file, text, [], [], [], [], _line_starts(text))
    at = 0
    while at < len(text):
        for found in _PATTERN.finditer(text, at):
            group = found.lastgroup
            at = found.end()
            if group == "space":
                continue
            if group == "name":
                word = found[0]
                _add(source, Kind.WORD if word in RESERVED else Kind.NAME, word, found.start())
            elif group in _KINDS:
                _add(source, _KINDS[group], found[0], found.start())
            else:
                at = _add_bad(source, found)  # the pattern goes on behind it, not inside
                break
    _add(source, Kind.END, "", len(text))
    return source


def _add(source: Source, kind: Kind, word: str, start: int) -> None:
    source.kinds.append(kind)
    source.words.append(word)
    source.starts.append(start)


def _add_bad(source: Source, found: re.Match[str]) -> int:
    """Keep what begins nothing as one token, up to the end of the text or line; return where to go on."""
    start, opening = found.start(), found[0]
    end = found.end()
    what, remedy = f"the character {opening!r} begins nothing in SysML", "remove it, or put the name in single quotes"
    if found.lastgroup == "open":
        closing = "*/" if opening in _OPEN else opening
        # A lost quote spoils its line at most; a lost comment has no line to end with, and takes the rest.
        line_end = source.text.find("\n", start)
        end = len(source.text) if opening in _OPEN or line_end < 0 else line_end
        what, remedy = _OPEN.get(opening, "this quote is never closed"), f"close it with {closing}"
    _add(source, Kind.BAD, source.text[start:end], start)
    source.findings.append(source.finding(len(source.words) - 1, what, remedy))
    return end


def _line_starts(text: str) -> list[int]:
    # All three kinds of line end count, as in an editor: else every place after an old one is wrong.
    return [0, *(found.end() for found in re.finditer(r"\r\n|\n|\r", text))]
