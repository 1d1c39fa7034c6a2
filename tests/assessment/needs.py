"""Need files of made-up stakeholders, small enough to be assessed in a second."""

from __future__ import annotations

from typing import Final

from keytwin.design.need import Case
from keytwin.files.library import Source
from keytwin.files.need import check_need

TWO_LINES: Final = """
format: 1
name: two-lines
stakeholder: A small bank
sites:
  head: {}
  vault: {}
lines:
  - head -- vault/north: {length: 20 km}
  - head -- vault/south: {length: 30 km}
needs:
  N1: {text: "enough keys", measure: key-rate, at-least: 2 kbit/s, priority: must}
  N2: {text: "also when somebody digs", measure: key-rate, at-least: 2 kbit/s, under: cut(1 link), priority: must}
  N3: {text: "keys that no computer finds", measure: security, at-least: trusted-relays, priority: must}
  N4: {text: "soon again", measure: restoration, at-most: 5 s, priority: should}
  N5: {text: "views that agree", measure: consistency, at-most: "0", priority: should}
  N6: {text: "it should feel modern", priority: could}
  N7: {text: "nothing too new", measure: readiness, at-least: "8", priority: should}
choose: {protocol: decoy-bb84, q-link: direct, medium: terrestrial, terrestrial: fibre}
"""


def case_of(text: str) -> Case:
    """Return the case of a need file's text."""
    return check_need(Source("need.yaml", text.encode())).value


def with_(text: str, *changes: tuple[str, str]) -> str:
    """Return a text with some things put in the place of others, each of which has to be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text
