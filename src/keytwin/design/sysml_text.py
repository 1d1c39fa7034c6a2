"""How SysML v2 text is put together: names, strings, documentation, bodies. OMG SysML v2, textual notation.

A piece of text is a list of lines without their line ends. A name is quoted where it is no plain word or a reserved
one. `/* */` by itself would be an element of the model, so it is only ever written after `doc` or `rep`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

Lines: TypeAlias = list[str]

INDENT: Final = "    "
_RESERVED_WORDS: Final = """
    about abstract accept action actor after alias all allocate allocation analysis and as assert assign assume at
    attribute bind binding bool by calc case comment concern connect connection constant constraint crosses decide
    def default defined dependency derived do doc else end entry enum event exhibit exit expose false filter first
    flow for fork frame from hastype if implies import in include individual inout interface istype item join
    language library locale loop merge message meta metadata new nonunique not null objective occurrence of or
    ordered out package parallel part perform port private protected public redefines ref references render
    rendering rep require requirement return satisfy send snapshot specializes stakeholder standard state step
    struct subject subsets succession terminate then timeslice to transition true until use var variant variation
    verification verify via view viewpoint when while xor
"""
RESERVED: Final = frozenset(_RESERVED_WORDS.split())
"""The reserved words of the textual notation, and a few of KerML below it."""

# ASCII only: the grammar allows no other letters in a name without quotes.
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", flags=re.ASCII)
# The backslash comes first: later it would double those that the other escapes bring.
_ESCAPES: Final = (("\\", "\\\\"), ("\b", "\\b"), ("\f", "\\f"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))
_WORDS: Final = re.compile(r"[^A-Za-z0-9]+", flags=re.ASCII)


def quoted(name: str) -> str:
    """Return a name as it is written: itself when it is a plain word, else in single quotes."""
    if _PLAIN.fullmatch(name) and name not in RESERVED:
        return name
    # Reserved words are quoted too: `'state'` is a name, where `state` begins a declaration.
    inner = _escaped(name, "'")
    return f"'{inner}'"


def string(text: str) -> str:
    """Return text as a string literal."""
    inner = _escaped(text, '"')
    return f'"{inner}"'


def strings(texts: Iterable[str]) -> str:
    """Return several texts as a sequence of string literals; of one text, the literal itself."""
    each = [string(text) for text in texts]
    return each[0] if len(each) == 1 else f"({', '.join(each)})"


def unescaped(text: str) -> str:
    """Undo what the quotes of a name or a string need; `text` is what lies between them."""
    # One pass from the left: replacing escape by escape would read an escaped backslash before an n as a line end.
    return re.sub(r"\\(.)", lambda found: _UNESCAPED.get(found[1], found[1]), text)


_UNESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _escaped(text: str, quote: str) -> str:
    # The backslash comes first, or those of the other escapes would be escaped once more.
    for raw, written in _ESCAPES:
        text = text.replace(raw, written)
    return text.replace(quote, f"\\{quote}")


def pascal(identifier: str) -> str:
    """Return an identifier as the name of a definition: `qkd-system` is QkdSystem."""
    joined = "".join(word[:1].upper() + word[1:] for word in _WORDS.split(identifier))
    # A name may not begin with a digit, and `014` is the name of a standard here.
    return joined if joined and not joined[0].isdigit() else f"N{joined}"


def camel(identifier: str) -> str:
    """Return an identifier as the name of a usage: `qkd-system` is qkdSystem."""
    joined = pascal(identifier)
    return joined[:1].lower() + joined[1:]


def block(head: str, body: Iterable[str] = ()) -> Lines:
    """Return a member with a body in braces; without one, it ends with a semicolon."""
    inner = list(body)
    return [f"{head} {{", *(f"{INDENT}{line}" if line else "" for line in inner), "}"] if inner else [f"{head};"]


def doc(text: str) -> Lines:
    """Return documentation of the element around it; nothing for no text."""
    return [f"doc /* {comment_body(text)} */"] if text.strip() else []


def comment_body(text: str) -> str:
    """Return text that may stand between `/*` and `*/`, on one line."""
    # The end sign cannot be escaped in a comment, so it is broken.
    return " ".join(text.split()).replace("*/", "* /")


def metadata(name: str, **values: str) -> Lines:
    """Return an annotation with the values that are not empty, each an expression."""
    given = " ".join(f"{key} = {value};" for key, value in values.items() if value)
    return [f"@{name} {{ {given} }}"] if given else [f"@{name};"]
