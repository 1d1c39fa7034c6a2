"""Views that were drawn apart become one architecture: rules, each with a check and mostly a modification.

Paper A composes by hand (Fig. 7a to 7b) and names the automation of it as future work. A rule finds what does not fit
and says why it matters; its modification changes the model, never a view by itself, because views are projections.
What a modification adds or changes carries the rule as its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.draft import Draft, redrawn
from keytwin.design.model import Block, Element, ElementId, RuleId

MOST_ROUNDS: Final = 8
"""Rounds over all rules until nothing changes; more would mean that two rules undo one another."""


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """Something in which views do not fit together."""

    rule: RuleId
    what: str
    reason: str
    """Why it matters, in the words of the domain."""
    elements: tuple[ElementId, ...] = ()
    alternatives: tuple[str, ...] = ()
    """What might be chosen instead, where a modification has a price."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one application of a rule did to the model."""

    rule: RuleId
    what: str
    added: tuple[ElementId, ...] = ()
    changed: tuple[ElementId, ...] = ()
    removed: tuple[ElementId, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of synchronisation."""

    id: RuleId
    title: str
    """What holds where the rule is kept, as a full clause."""
    check: Callable[[Draft], Sequence[Inconsistency]]
    mend: Callable[[Draft], Draft] | None = None
    mended: str = ""
    """What the modification does."""


def findings(draft: Draft, rules: Sequence[Rule]) -> tuple[Inconsistency, ...]:
    """Return everything in which views do not fit together."""
    return tuple(each for rule in rules for each in rule.check(draft))


def synchronise(draft: Draft, rules: Sequence[Rule]) -> tuple[Draft, tuple[Change, ...]]:
    """Apply the modifications of rules that are broken, until none is or none can be mended."""
    changes: list[Change] = []
    for _ in range(MOST_ROUNDS):
        before = draft.model
        for rule in rules:
            # Checked anew each time: what an earlier rule did may have broken or mended this one.
            if rule.mend and rule.check(draft):
                draft, change = applied(rule.id, rule.mended, draft, rule.mend(draft))
                changes += [change] if change else []
        # The model and not the views: they are projections, and follow it.
        if draft.model == before:
            break
    return draft, tuple(changes)


def applied(rule: RuleId, what: str, before: Draft, after: Draft) -> tuple[Draft, Change | None]:
    """Return a modified draft whose new and changed elements name the rule, and the change as such."""
    after = redrawn(after)
    old, new = before.model.elements, after.model.elements
    added = tuple(name for name in new if name not in old)
    changed = tuple(name for name in new if name in old and new[name] != old[name])
    removed = tuple(name for name in old if name not in new)
    # A rule that is broken and cannot be mended changes nothing, and an empty change would read as if it had.
    if not added and not changed and not removed and before.views == after.views:
        return after, None
    # The stamp comes from here and not from each rule: none can forget it.
    stamped = after.with_model(after.model.replaced(_stamped(new[name], old, rule) for name in (*added, *changed)))
    return stamped, Change(rule, what, added, changed, removed)


def _stamped(element: Element, old: Mapping[ElementId, Element], rule: RuleId) -> Element:
    if isinstance(element, Block):
        before = old.get(element.id)
        known = {each.name for each in before.ports} if isinstance(before, Block) else set()
        ports = tuple(
            each if each.name in known or each.because else replace(each, rules=(rule,)) for each in element.ports
        )
        element = replace(element, ports=ports)
    return replace(element, rules=tuple(dict.fromkeys((*element.rules, rule))))
