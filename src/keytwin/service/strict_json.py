"""JSON from strangers, read without the liberties that parsers take: RFC 8259 with the limits of its clause 9.

Refused: duplicate members, NaN and infinities, numbers beyond their range, lone surrogates, deep nesting, other
encodings than UTF-8. All of these would be read differently by somebody else, or fail later where nobody expects it.
"""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from types import MappingProxyType
from typing import Final, NoReturn, TypeAlias

from keytwin.vocabulary.errors import Mistake

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LONGEST_INTEGER: Final = 18  # digits and sign: fits 64 bits, so every reader sees the same number

# A string without an end takes all that follows it, and nothing is given back: the time is linear in the text.
_ALL_BUT_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[^"\[\]{}]++', flags=re.DOTALL)
_STEP: Final = MappingProxyType({"[": 1, "{": 1, "]": -1, "}": -1})


def read_json(body: bytes, depth: int) -> Json:
    """Return the value of a JSON text whose arrays and objects nest at most `depth` deep; Mistake otherwise."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Mistake("the body is not UTF-8") from None
    if _nesting(text) > depth:
        raise Mistake(f"the body nests deeper than {depth} levels")
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise Mistake("the body is not JSON") from None
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _nesting(text: str) -> int:
    """Count how deep the brackets outside strings go."""
    opened = text.count("[") + text.count("{")
    if opened <= 1:  # nearly every request: nothing to scan
        return opened
    brackets = _ALL_BUT_BRACKETS.sub("", text)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _refuse_lone_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Mistake("the body holds half of a surrogate pair") from None


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(members)
    if len(result) != len(members):
        raise Mistake("the body has an object with two members of one name")
    return result


def _integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise Mistake(f"the body has an integer of more than {LONGEST_INTEGER} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Mistake("the body has a number out of range")
    return value


def _constant(text: str) -> NoReturn:
    raise Mistake(f"the body says {text}, which is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
