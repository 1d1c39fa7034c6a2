"""Attributes of UVL features: what stands between braces behind a name, nested values and constraints included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from keytwin.files.nodes import Place
from keytwin.files.page import Page
from keytwin.files.uvl_constraint import NAME

DEEPEST: Final = 16
_KEY: Final = re.compile(rf"\s*(?P<key>{NAME})\s*")
_VALUE: Final = re.compile(r"'(?P<text>[^'\r\n]*)'|(?P<word>true|false|[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)")


@dataclass(slots=True)
class Attributes:
    """What braces hold: values as texts, those in inner braces under `outer.inner`, and constraints."""

    values: dict[str, str] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    is_abstract: bool = False


def attributes_of(text: str, place: Place, page: Page) -> Attributes:
    """Read `{...}`; reports and Unread when it cannot be read."""
    held = Attributes()
    _Scanner(text, place, page, held).whole()
    held.is_abstract = held.values.pop("abstract", "false") == "true"
    return held


@dataclass(slots=True)
class _Scanner:
    text: str
    place: Place
    page: Page
    held: Attributes
    at: int = 0

    def whole(self) -> None:
        self.braces("", 0)
        if self.text[self.at :].strip():
            raise self.page.refusal(self._here(), f"{self.text[self.at :].strip()[:40]!r} is one too many here")

    def braces(self, above: str, depth: int) -> None:
        if depth > DEEPEST:
            raise self.page.refusal(self._here(), f"this is nested more than {DEEPEST} levels deep")
        self._expect("{")
        while not self._takes("}"):
            found = _KEY.match(self.text, self.at)
            if found is None:
                raise self.page.refusal(self._here(), "an attribute's name is missing here")
            self.at = found.end()
            self._attribute(found["key"].replace('"', ""), above, depth)
            if not self._takes(","):
                self._expect("}")
                return

    def _attribute(self, key: str, above: str, depth: int) -> None:
        if key == "constraint":
            self.held.constraints.append(self._until_end(",}"))
        elif key == "constraints" and self._takes("["):
            while not self._takes("]"):
                if self.at == len(self.text):
                    raise self.page.refusal(self._here(), "a ']' is missing")
                self.held.constraints.append(self._until_end(",]"))
                self._takes(",")
        else:
            self._value(f"{above}{key}", depth)

    def _value(self, key: str, depth: int) -> None:
        following = self.text[self.at : self.at + 1]
        if following == "{":
            self.braces(f"{key}.", depth + 1)
        elif following == "[":
            end = self.text.find("]", self.at)
            if end < 0:
                raise self.page.refusal(self._here(), "a ']' is missing")
            self.held.values[key] = self.text[self.at : end + 1]
            self.at = end + 1
        elif found := _VALUE.match(self.text, self.at):
            self.held.values[key] = found["word"] if found["text"] is None else found["text"]
            self.at = found.end()
        else:
            self.held.values[key] = "true"

    def _until_end(self, stops: str) -> str:
        """Take a constraint up to what ends it outside parentheses and quotes."""
        begun, depth, quoted = self.at, 0, False
        while self.at < len(self.text):
            sign = self.text[self.at]
            quoted ^= sign == '"'
            if not quoted:
                if depth == 0 and sign in stops:
                    break
                depth += (sign == "(") - (sign == ")")
            self.at += 1
        return self.text[begun : self.at].strip()

    def _takes(self, sign: str) -> bool:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        is_there = self.text.startswith(sign, self.at)
        self.at += is_there
        return is_there

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            found = self.text[self.at : self.at + 1]
            told = f"{found!r} stands where {sign!r} is wanted" if found else f"a {sign!r} is missing"
            raise self.page.refusal(self._here(), told)

    def _here(self) -> Place:
        before = self.text[: self.at]
        if "\n" not in before:
            return self.place.shifted(self.at)
        return Place(self.place.file, self.place.line + before.count("\n"), self.at - before.rfind("\n"))
