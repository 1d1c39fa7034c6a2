"""Plain texts, lists and mappings to canonical YAML: two spaces a level, one line for what fits, few quotes.

What this writes, `reader.py` reads back to the same texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from keytwin.files.kinds import Plain

WIDEST: Final = 100  # columns of a line that holds a whole mapping or list

# Letters, digits and what our names and quantities need; none of it means anything to YAML here, in braces or outside.
_BARE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/%()=+;'-]*[A-Za-z0-9._/%()=+;'-])?", flags=re.ASCII)
_BARE_OUTSIDE: Final = re.compile(r"[A-Za-z0-9](?:[\w ,._/%()=+;'-]*[\w.,_/%()=+;'-])?")  # outside braces only


def yaml_text(value: dict[str, Plain]) -> str:
    """Return the text of a whole file."""
    return "".join(f"{line}\n" for line in _mapping(value, 0))


def _mapping(value: dict[str, Plain], depth: int) -> Iterator[str]:
    for key, held in value.items():
        yield from _entry(f"{'  ' * depth}{_scalar(key)}:", held, depth)


def _entry(head: str, held: Plain, depth: int) -> Iterator[str]:
    """Give the lines of a key and its value; the sections of a file, at depth 0, are never folded into a line."""
    # Mappings of empty values can't go on one line: `{km0: , km1: }` is legal, but nobody would guess it.
    line = _line(held) if depth or not held or isinstance(held, str) else None
    if line is not None and len(head) + len(line) < WIDEST:
        yield f"{head} {line}".rstrip()
    elif isinstance(held, str):
        yield f"{head} {_outside(held)}"
    else:
        yield head
        yield from _mapping(held, depth + 1) if isinstance(held, dict) else _items(held, depth + 1)


def _items(value: list[Plain], depth: int) -> Iterator[str]:
    dash = f"{'  ' * depth}- "
    for item in value:
        line = _line(item)
        if line is not None and len(dash) + len(line) <= WIDEST:
            yield f"{dash}{line}"
        elif isinstance(item, str):
            yield f"{dash}{_outside(item)}"
        else:
            assert isinstance(item, dict), "a list right inside a list: no kind of file has one"
            lines = list(_mapping(item, depth + 1))
            yield f"{dash}{lines[0].lstrip()}"
            yield from lines[1:]


def _line(value: Plain) -> str | None:
    """Return a text, or a mapping or list of texts, as one line; None when it holds something larger or empty."""
    if isinstance(value, str):
        return _outside(value) if value else ""
    held = value.values() if isinstance(value, dict) else value
    if not all(isinstance(each, str) and each for each in held):
        return None
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_scalar(str(each))}" for key, each in value.items()) + "}"
    return "[" + ", ".join(_scalar(str(each)) for each in value) + "]"


def _outside(text: str) -> str:
    return text if _BARE_OUTSIDE.fullmatch(text) else _scalar(text)


def _scalar(text: str) -> str:
    """Write a text bare where that is safe, else in double quotes, whose escapes YAML shares with JSON."""
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
