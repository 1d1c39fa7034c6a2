"""Published values beside ours, and the page that shows them.

`python -m keytwin.report.papers > docs/reference/papers.md` writes the page anew; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from keytwin.files.page import nearest
from keytwin.report.published import PUBLISHED, Origin, Published
from keytwin.vocabulary.errors import Mistake

EXACT: Final = 1e-6
"""An error below it is told as such: the digits that follow are those of a machine."""
_HEAD: Final = """\
# Published values

What others have published, and what keytwin's models give for the same parameters. This page is generated from what
`keytwin papers run` compares, and a test holds it to that; the functions are in `keytwin.report.published`. A value
agrees when its relative error is within the tolerance, which is relative too.

The models implement the formulae of the papers and are not fitted to these values. Where a value comes from is said in
its last column:

"""
_MEANING: Final = {
    Origin.RECALLED: "it is remembered to stand in the paper; look there before you rely on it",
    Origin.PACKAGE: "a public package of others computes it",
    Origin.WORKED_OUT: "a second program, written from the paper's formulae, computes it; the paper has no number",
}


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One published value and ours."""

    name: str
    source: str
    what: str
    unit: str
    published: float
    ours: float
    error: float
    """Relative."""
    tolerance: float
    ok: bool
    origin: str


def reproduce(name: str | None = None) -> tuple[Reproduced, ...]:
    """Compute all published values, or those whose name is `name` or begins with it; Mistake when there is none."""
    chosen = tuple(each for each in PUBLISHED if name is None or each.name == name or each.name.startswith(f"{name}-"))
    if not chosen:
        near = nearest(name or "", [each.name for each in PUBLISHED])
        hint = f"did you mean {near!r}?" if near else "keytwin papers ls lists them"
        raise Mistake(f"no published value is called {name!r} ({hint})")
    return tuple(_compared(each) for each in chosen)


def show_error(error: float) -> str:
    """Write a relative error."""
    return f"< {EXACT:.0e}" if error < EXACT else f"{error:.1e}"


def page() -> str:
    """Return the page of all published values, in Markdown."""
    meanings = "".join(f"- *{origin.value}*: {meaning}.\n" for origin, meaning in _MEANING.items())
    rows = "\n".join(_lines(reproduce()))
    return f"{_HEAD}{meanings}\n{rows}\n"


def _compared(each: Published) -> Reproduced:
    ours = each.ours()
    error = abs(ours / each.value - 1.0)
    ok = error <= each.tolerance
    said = (each.name, each.source, each.what, each.unit)
    return Reproduced(*said, each.value, ours, error, each.tolerance, ok, each.origin.value)


def _lines(rows: Iterable[Reproduced]) -> Iterator[str]:
    yield "| name | source | what | published | ours | error | tolerance | ok | origin |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        unit = f" {row.unit}" if row.unit else ""
        values = f"{row.published:.9g}{unit} | {row.ours:.5g} | {show_error(row.error)} | {row.tolerance:g}"
        verdict = "yes" if row.ok else "no"
        yield f"| `{row.name}` | {row.source} | {row.what} | {values} | {verdict} | {row.origin} |"


if __name__ == "__main__":
    sys.stdout.write(page())
