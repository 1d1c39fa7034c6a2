"""What an answer's short words become in a report: measures, conditions, outcomes and variants for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from keytwin.assessment.answer import Asked
from keytwin.design.need import MEASURES, Sense
from keytwin.design.verdict import Outcome
from keytwin.files.library import ovm_names
from keytwin.files.ovm import library_ovm
from keytwin.report.html_elements import Markup, element, told

CONDITION: Final = re.compile(r"(cut|attack|kill)\((\d{1,6}) (link|channel|node)s?\)")
UNFIT: Final = re.compile(r"[^\w.-]")  # for an identifier
_FAILED: Final = MappingProxyType({"cut": "cut", "attack": "attacked", "kill": "down"})
_THINGS: Final = MappingProxyType({"link": "link", "channel": "channel", "node": "relay"})
SIGNS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {Outcome.MET: ("good", "✓"), Outcome.MISSED: ("bad", "✗"), Outcome.OPEN: ("unsure", "?")}
)
"""Of outcomes: the class of the style sheet, and a sign beside the word."""
UNSURE: Final = ("unsure", "-")
MEANINGS: Final = (
    (Outcome.MET, "What was found is as good as what is asked for, or better."),
    (Outcome.MISSED, "What was found is worse than what is asked for."),
    (Outcome.OPEN, "What is known is a range, and what is asked for lies within it."),
    (Outcome.UNRUN, "Only a run of the network can tell, and there was none."),
    (Outcome.UNVERIFIABLE, "Nobody has said how it would be measured."),
)


def badge(outcome: str) -> Markup:
    """Return an outcome as a word in a box, with a sign; neither of them needs its colour."""
    style, sign = SIGNS.get(outcome, UNSURE)
    return element("span", element("span", f"{sign} ", aria_hidden="true"), outcome, class_=f"verdict {style}")


def condition(under: str) -> str:
    """Return under what a need has to be met: `cut(1 link)` is "while one link is cut, whichever hurts most"."""
    found = CONDITION.fullmatch(under)
    if found is None:
        return under
    failure, count, thing = found.groups()
    number = int(count)
    some = f"{number} {_THINGS[thing]}{'s are' if number != 1 else ' is'} {_FAILED[failure]}"
    return f"while {some}, whichever hurts most"


def asked_for(need: Asked) -> str:
    """Return what a need asks for, as a clause."""
    measure = MEASURES.get(need.measure)
    if measure is None:
        return need.measure or "nobody has said how it would be measured"
    bound = "at least" if measure.sense is Sense.AT_LEAST else "at most"
    under = f", {condition(need.under)}" if need.under else ""
    return f"{measure.about}: {bound} {need.threshold}{under}"


def asked_short(need: Asked) -> str:
    """Return the same for a table."""
    measure = MEASURES.get(need.measure)
    if measure is None:
        return need.measure or "no measure"
    sign = "≥" if measure.sense is Sense.AT_LEAST else "≤"
    return f"{need.measure} {sign} {need.threshold}{f', {condition(need.under)}' if need.under else ''}"


def anchor(need: Asked) -> str:
    """Return the identifier of a need's place in the page."""
    return f"need-{UNFIT.sub('-', need.id)}"


class Names:
    """What variants are called in the library's OVM; an OVM or a variant that is not there keeps its identifier."""

    def __init__(self, ovm: str) -> None:
        # Never a path: a verdict may come from somebody else, and names nothing that is read from here.
        known = library_ovm(ovm) if ovm in ovm_names() else None
        self._names: Mapping[str, str] = {}
        self._about: Mapping[str, str] = {}
        if known is not None:
            self._names = {each.id: f"{known.points[each.point].name}: {each.name}" for each in known.variants.values()}
            self._about = {each.id: each.about for each in known.variants.values()}

    def of(self, variant: str) -> str:
        """Return the name of a variant, after that of its variation point."""
        return self._names.get(variant, variant)

    def about(self, variant: str) -> str:
        """Return what a variant is; nothing where nobody has said it."""
        return self._about.get(variant, "")

    def all(self, variants: Iterable[str]) -> str:
        """Return several of them in a row."""
        return told([self.of(each) for each in variants])
