"""Numbers of the command line: read strictly, where the parser's own reading would round 1.5 to 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from cyclopts import Parameter, Token

LARGEST: Final = 2**63 - 1  # of a seed, in a scenario file too


def whole(_: object, tokens: Sequence[Token]) -> int:
    """Return a whole number that is not negative; ValueError for any other text."""
    text = tokens[0].value
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise ValueError(f"{text!r} is no whole number from 0 to {LARGEST}")
    return int(text)


Seed = Annotated[
    int | None,
    Parameter(
        help="Equal seeds give equal runs. Without it: the scenario's own, or else a fresh one, which is shown.",
        converter=whole,
    ),
]
Number = Annotated[int, Parameter(converter=whole)]
