"""Why an element of a SysML v2 export is there, as metadata on it; and what else SysML has no word for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keytwin.design.model import Element
from keytwin.design.sysml_text import Lines, block, doc, metadata, string, strings

PACKAGE: Final = "KeytwinTrace"

_DEFINITIONS: Final = (
    ("Trace", "Why an element is there.", "element title", "variants rules"),
    ("Nature", "What flows here is of this nature; what is exclusive takes one way only.", "nature exclusive", ""),
    ("Origin", "Where a value comes from, and what quantity it is.", "quantity source", ""),
    ("Node", "What an action does in the flow of an activity, and where it varies how.", "kind detail", ""),
    ("Hands", "The item that a flow hands on past nodes that only steer.", "carried", ""),
    ("Passes", "The channel that what is sent passes.", "channel", ""),
    ("Meant", "The element that is meant, where a part stands for its kind.", "element", ""),
    ("Shares", "The parts that hold a share of a joint state.", "", "parts"),
    ("Table", "The state table of the running half.", "called", ""),
    ("Guard", "The condition in words.", "words", ""),
    ("CombinedFragment", "A frame around messages.", "operator guard", ""),
    ("Ignored", "Messages that have no effect in a state.", "inState", "messages"),
    ("Refused", "A message that is answered by a refusal.", "inState received reason", ""),
    ("VariationPoint", "A variation point of the orthogonal variability model.", "identifier title kind", ""),
    ("Realises", "The variant that a member realises.", "variantId", ""),
    ("Configured", "The variability model that is decided here.", "ovm", ""),
)


def trace_package() -> Lines:
    """Write the library package of our metadata definitions."""
    head = [
        *doc("Metadata by which every element says which variants and rules asked for it."),
        "private import ScalarValues::*;",
    ]
    defined = [line for each in _DEFINITIONS for line in _definition(*each)]
    return block(f"library package {PACKAGE}", [*head, *defined])


def _definition(name: str, about: str, single: str, several: str) -> Lines:
    return block(
        f"metadata def {name}",
        [
            *doc(about),
            *(f"attribute {each} : String[0..1];" for each in single.split()),
            *(f"attribute {each} : String[0..*];" for each in several.split()),
        ],
    )


def trace(element: Element) -> Lines:
    """Return the documentation of an element and why it is there."""
    reasons = trace_of(element.id, element.because, element.rules, element.name)
    return [*doc(element.about), *reasons]


def trace_of(name: str, variants: Iterable[str], rules: Iterable[str], title: str = "") -> Lines:
    """Return why something is there."""
    asking, working = list(variants), list(rules)
    return metadata(
        "Trace",
        element=string(name),
        title=string(title) if title else "",
        variants=strings(asking) if asking else "",
        rules=strings(working) if working else "",
    )
