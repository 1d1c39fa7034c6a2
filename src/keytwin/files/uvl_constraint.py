"""Constraints of UVL, one line each, as formulas; arithmetic in them is recognised and left out, never guessed at.

The grammar is that of the Universal Variability Language's own parser (Benavides et al., SPLC 2025, recalled); from
loose to tight the operators are <=>, =>, |, & and !.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from keytwin.design.formula import All, Any, Formula, Implies, Is, Not, Same
from keytwin.files.nodes import Place
from keytwin.files.page import Page, Unread

DEEPEST: Final = 100
"""Parentheses and exclamation marks inside one another."""
NAME: Final = r'[^\W\d_][\w#§%?\\\';]*|"[^"\r\n]+"'
_REFERENCE: Final = rf"(?:{NAME})(?:\.(?:{NAME}))*"
_TOKENS: Final = re.compile(
    rf"\s+|(?P<name>{_REFERENCE})|(?P<operator><=>|=>|[!&|()](?!=))"
    r"|(?P<arithmetic>==|!=|<=|>=|[<>+*/,-]|\d+(?:\.\d+)?|\.\d+|'[^'\r\n]*')"
)
_FUNCTIONS: Final = re.compile(r"\b(?:sum|avg|len|floor|ceil|min|max)\s*\(")
_LOOSE_FIRST: Final = ("<=>", "=>", "|", "&")


class Left(Exception):
    """The constraint is fine, but says something about numbers that is not reasoned with."""


class Token(NamedTuple):
    """A word of a constraint: a name when `is_name`, else an operator."""

    text: str
    column: int
    is_name: bool


@dataclass(slots=True)
class Constraints:
    """Reads constraints of one file, whose features are known."""

    features: Container[str]
    names: tuple[str, ...]
    aliases: frozenset[str]
    """Of imported models, whose features are not known."""
    page: Page

    def read(self, text: str, place: Place) -> Formula:
        """Return a formula; reports and Unread when it cannot be read, Left when it is not propositional."""
        tokens = list(self._tokens(text, place))
        if not tokens:
            raise self.page.refusal(place, "a constraint is missing here")
        return _Parser(tokens, text, place, self).whole()

    def _tokens(self, text: str, place: Place) -> Iterator[Token]:
        at, is_arithmetic = 0, _FUNCTIONS.search(text) is not None
        while at < len(text):
            found = _TOKENS.match(text, at)
            if found is None:
                raise self.page.refusal(
                    place.shifted(at), f"{text[at]!r} has no meaning in a constraint", "quote a name that holds it"
                )
            is_arithmetic |= found.lastgroup == "arithmetic"
            if found.lastgroup in {"name", "operator"}:
                yield Token(found[0], at, found.lastgroup == "name")
            at = found.end()
        if is_arithmetic:
            raise Left

    def feature(self, token: Token, place: Place) -> Is:
        """Return the feature that a name means."""
        name = unquoted(token.text)
        if name in self.features:
            return Is(name)
        if name.partition(".")[0] in self.aliases:
            raise Left
        hint = self.page.hint(name, self.names)
        raise self.page.refusal(place.shifted(token.column), f"unknown feature {name!r}", hint)


@dataclass(slots=True)
class _Parser:
    tokens: list[Token]
    text: str
    place: Place
    constraints: Constraints
    at: int = 0

    def whole(self) -> Formula:
        found = self._level(0, 0)
        if self.at < len(self.tokens):
            raise self._refusal(f"{self.tokens[self.at].text!r} is one too many here")
        return found

    def _level(self, level: int, depth: int) -> Formula:
        """Read what is joined by an operator, or by tighter ones."""
        if level == len(_LOOSE_FIRST):
            return self._single(depth)
        parts = [self._level(level + 1, depth)]
        while self._takes(_LOOSE_FIRST[level]):
            parts.append(self._level(level + 1, depth))
        return parts[0] if len(parts) == 1 else _joined(_LOOSE_FIRST[level], parts)

    def _single(self, depth: int) -> Formula:
        if depth > DEEPEST:
            raise self._refusal(f"this is nested more than {DEEPEST} levels deep")
        if self._takes("!"):
            return Not(self._single(depth + 1))
        if self._takes("("):
            found = self._level(0, depth + 1)
            if not self._takes(")"):
                raise self._refusal("a ')' is missing")
            return found
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or not token.is_name:
            raise self._refusal("a feature is missing")
        self.at += 1
        return self.constraints.feature(token, self.place)

    def _takes(self, operator: str) -> bool:
        is_there = self.at < len(self.tokens) and self.tokens[self.at].text == operator
        self.at += is_there
        return is_there

    def _refusal(self, what: str) -> Unread:
        column = self.tokens[self.at].column if self.at < len(self.tokens) else len(self.text)
        return self.constraints.page.refusal(self.place.shifted(column), what)


def _joined(operator: str, parts: list[Formula]) -> Formula:
    match operator:
        case "&":
            return All(tuple(parts))
        case "|":
            return Any(tuple(parts))
        case "=>":  # to the right: A => B => C is A => (B => C)
            joined = parts[-1]
            for each in reversed(parts[:-1]):
                joined = Implies(each, joined)
            return joined
        case _:
            joined = parts[0]
            for each in parts[1:]:
                joined = Same(joined, each)
            return joined


def unquoted(reference: str) -> str:
    """Return a name without the quotes around its parts."""
    return reference.replace('"', "")
