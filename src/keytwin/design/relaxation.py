"""What to give up where no proposal meets all that must be met: the needs in conflict, and the least that ends it.

A conflict is a set of needs of which every proposal misses one, and none of it can be left out: a minimal hitting set
of what the proposals miss (Reiter, Artificial Intelligence 32, 57, recalled). Relaxations are compared need by need,
and ordered by how many needs they touch; they are never summed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf

from keytwin.design.need import MEASURES, Case, Measure, Need, Priority, Sense
from keytwin.design.proposals import Proposal
from keytwin.design.verdict import Outcome, show_value


@dataclass(frozen=True, slots=True)
class Change:
    """What the threshold of one need would have to become."""

    need: Need
    threshold: float
    """In the base unit of the measure: what the proposal comes to."""

    @property
    def measure(self) -> Measure:
        """What is compared."""
        return MEASURES[self.need.measure]

    @property
    def written(self) -> str:
        """The new threshold, for people."""
        return show_value(self.measure, self.threshold)

    @property
    def share(self) -> float:
        """How large the change is, as a share of the threshold; infinity where it has no such size.

        A level is an order and has no distances; of a threshold of nothing there is no share.
        """
        if self.measure.quantity == "level" or not self.need.threshold:
            return inf
        return abs(self.threshold - self.need.threshold) / abs(self.need.threshold)

    @property
    def gives_up(self) -> bool:
        """Whether nothing of the need is left: its new threshold is one that anything meets, or nothing limits it."""
        return self.threshold <= 0 if self.measure.sense is Sense.AT_LEAST else self.threshold == inf

    def is_within(self, other: Change) -> bool:
        """Whether it asks no more of the stakeholder than another change of the same need."""
        if self.measure.sense is Sense.AT_LEAST:
            return self.threshold >= other.threshold
        return self.threshold <= other.threshold


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Changes that together make proposals acceptable."""

    changes: tuple[Change, ...]
    """In the order of the needs; as small as these proposals let them be."""
    proposals: tuple[Proposal, ...]
    """All that just this makes acceptable."""

    @property
    def largest(self) -> float:
        """The largest of its changes, as a share of a threshold."""
        return max(change.share for change in self.changes)

    def is_within(self, other: Relaxation) -> bool:
        """Whether it touches no other needs than another one, and none of them more."""
        theirs = {change.need.id: change for change in other.changes}
        return all(change.need.id in theirs and change.is_within(theirs[change.need.id]) for change in self.changes)


def widened(case: Case) -> Case:
    """Return a case in which all that must be met is only wished: what its rules and layouts then let in may relax it.

    A rule leaves out what a need forbids before anybody looks at it; whether that need is worth it shows only beyond.
    """
    wished = tuple(
        replace(need, priority=Priority.SHOULD) if need.priority is Priority.MUST else need for need in case.needs
    )
    return replace(case, needs=wished)


def needs_in_conflict(case: Case, proposals: Iterable[Proposal]) -> tuple[tuple[Need, ...], ...]:
    """Return every smallest set of needs that must be met and that no proposal meets together; the shortest first.

    None when a proposal meets them all, and none when there is no plan at all: then it is physics that is in the way.
    Only what a proposal surely misses counts; what is open, or needs a run, may yet be met.
    """
    names = [need.id for need in case.needs]
    missed = {
        frozenset(names.index(change.need.id) for change in changes) for _, changes in _all_changes(case, proposals)
    }
    found = sorted(_hitting(missed), key=lambda places: (len(places), sorted(places))) if missed else []
    return tuple(tuple(case.needs[place] for place in sorted(places)) for places in found)


def _hitting(groups: Iterable[frozenset[int]]) -> set[frozenset[int]]:
    """Return every smallest set that has something of each group; none when a group is empty."""
    found = {frozenset[int]()}
    # Berge: what hits all groups so far is widened by each member of the next one, and only the smallest are kept. The
    # smallest groups first, for they decide most.
    for group in sorted(groups, key=lambda places: (len(places), sorted(places))):
        wider = {hit | extra for hit in found for extra in ([frozenset[int]()] if hit & group else map(_alone, group))}
        found = {hit for hit in wider if not any(other < hit for other in wider)}
    return found


def _alone(place: int) -> frozenset[int]:
    return frozenset((place,))


def relaxations(case: Case, proposals: Iterable[Proposal]) -> tuple[Relaxation, ...]:
    """Return the cheapest ways to relax needs until a proposal is acceptable; none when one is, or none has a plan.

    For every proposal with a plan: each need that must be met and is missed takes what the proposal comes to as its
    threshold. What asks more than another relaxation is left out. Those that touch the fewest needs come first, then
    those with the smallest largest change as a share of a threshold.
    """
    merged: dict[tuple[Change, ...], list[Proposal]] = {}
    for proposal, changes in _all_changes(case, proposals):
        merged.setdefault(changes, []).append(proposal)
    if () in merged:
        return ()
    every = [Relaxation(changes, tuple(by)) for changes, by in merged.items()]
    # Equal ones are merged, so whatever is within another asks less of somebody.
    least = [each for each in every if not any(other is not each and other.is_within(each) for other in every)]
    return tuple(sorted(least, key=lambda each: (len(each.changes), each.largest)))


def _all_changes(case: Case, proposals: Iterable[Proposal]) -> Sequence[tuple[Proposal, tuple[Change, ...]]]:
    # By the case and not by the verdict: proposals of the widened case carry its priorities.
    musts = {need.id: need for need in case.needs if need.priority is Priority.MUST}
    return [
        (
            each,
            tuple(
                Change(musts[verdict.need.id], verdict.found.value)
                for verdict in each.verdicts
                if verdict.outcome is Outcome.MISSED and verdict.found is not None and verdict.need.id in musts
            ),
        )
        for each in proposals
        if each.plan is not None
    ]
