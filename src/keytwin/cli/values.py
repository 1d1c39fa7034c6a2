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


def error_rate(_: object, tokens: Sequence[Token]) -> float:
    """Return a share such as 0.2 or 20 %, ValueError for any other text; how large it may be, the network says."""
    from keytwin.vocabulary.errors import Mistake
    from keytwin.vocabulary.units import parse_share

    try:
        return parse_share(tokens[0].value)
    except Mistake as mistake:
        raise ValueError(str(mistake)) from None


Seed = Annotated[
    int | None,
    Parameter(
        help="Equal seeds give equal runs. Without it: the scenario's own, or else a fresh one, which is shown.",
        converter=whole,
    ),
]
Number = Annotated[int, Parameter(converter=whole)]
ErrorRate = Annotated[float, Parameter(converter=error_rate)]
