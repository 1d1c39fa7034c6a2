"""Combined fragments of an interaction: which are around which message, so that their frames are one inside the other.

A model may interrupt a fragment and go on with it later, which no frame can show; then the frame reaches over the
interruption as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.design.model import ElementId, Fragment, Message, Operator

WITH_OPERANDS: Final = frozenset({Operator.ALTERNATIVE, Operator.PARALLEL})


@dataclass(slots=True)
class Frame:
    """A combined fragment while it is drawn: its operands, in order, and where they begin."""

    operands: list[Fragment]
    parent: Fragment | None
    depth: int
    tops: list[float] = field(default_factory=list)
    bottom: float = 0.0
    lines: set[int] = field(default_factory=set)
    """Lifelines that its messages touch."""
    left: float = math.inf
    right: float = -math.inf
    """How far it reaches at the least, for what lies inside of it."""


@dataclass(frozen=True, slots=True)
class Nesting:
    """The fragments around each message, from the outermost on, and the frame of each fragment."""

    around: Mapping[ElementId, list[Fragment]]
    frames: Mapping[ElementId, Frame]


def nesting(messages: Sequence[Message], fragments: Mapping[ElementId, Fragment]) -> Nesting:
    """Return how fragments lie around messages that are in their order; one without messages is left out."""
    spans = _spans(messages, fragments)
    # From the outermost on: of those that begin together the longer one, of equally long ones that which the model puts
    # outside of the other.
    ordered = sorted(spans, key=lambda each: (spans[each][0], -spans[each][1], len(_asked(fragments, each))))
    around = {
        message.id: [fragments[each] for each in ordered if spans[each][0] <= index <= spans[each][1]]
        for index, message in enumerate(messages)
    }
    parents = {each: _parent(spans, ordered, each) for each in ordered}
    frames: dict[ElementId, Frame] = {}
    previous: dict[ElementId | None, ElementId] = {}
    for each in ordered:
        parent, last = parents[each], previous.get(parents[each])
        if last is not None and _go_together(fragments[last], fragments[each], spans[last][1] + 1 == spans[each][0]):
            frames[each] = frames[last]
            frames[each].operands.append(fragments[each])
        else:
            depth = frames[parent].depth + 1 if parent else 0
            frames[each] = Frame([fragments[each]], fragments[parent] if parent else None, depth)
        previous[parent] = each
    return Nesting(around, frames)


def _go_together(first: Fragment, second: Fragment, is_next: bool) -> bool:  # noqa: FBT001  # a fact about the two
    """Whether the second is a further operand of the first."""
    return is_next and first.operator is second.operator and first.operator in WITH_OPERANDS


def _asked(fragments: Mapping[ElementId, Fragment], inner: ElementId | None) -> list[ElementId]:
    """Return the fragments that a model puts around something, itself included."""
    found: list[ElementId] = []
    # Fragments that a model puts in a circle must not hang the drawing: each is followed once.
    while inner is not None and inner in fragments and inner not in found:
        found.append(inner)
        inner = fragments[inner].within
    return found


def _spans(messages: Sequence[Message], fragments: Mapping[ElementId, Fragment]) -> dict[ElementId, tuple[int, int]]:
    """Return the first and the last message of each fragment, so that no two overlap without one holding the other."""
    spans: dict[ElementId, tuple[int, int]] = {}
    for index, message in enumerate(messages):
        for each in _asked(fragments, message.within):
            spans[each] = (spans.get(each, (index, index))[0], index)
    changed = True
    # A fragment made longer may overlap one more. Ends only grow and are bounded, so this comes to an end.
    while changed:
        changed = False
        for one, (first, last) in list(spans.items()):
            reach = max((end for start, end in spans.values() if first <= start <= last), default=last)
            if reach > last:
                spans[one] = (first, reach)
                changed = True
    return spans


def _parent(
    spans: Mapping[ElementId, tuple[int, int]], ordered: Sequence[ElementId], inner: ElementId
) -> ElementId | None:
    """Return the innermost fragment around another."""
    before = ordered[: ordered.index(inner)]
    holding = [each for each in before if spans[each][0] <= spans[inner][0] and spans[inner][1] <= spans[each][1]]
    # Those before it are in order from the outermost on, so the last one that holds it is the innermost.
    return holding[-1] if holding else None
