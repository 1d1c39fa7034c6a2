"""From candidates to variation points: paper A, step 2, by a measure instead of by eye.

Two candidates are alternatives of one another when they fix the same aspects, whatever they say of them: their likeness
is the share of aspects that both fix among those that either does (Jaccard, 1901). Candidates are joined, the likest
first, as long as the mean likeness between two groups stays at a threshold (average linkage; Sokal, Michener, 1958).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from keytwin.design.knowledge import Candidate, Knowledge
from keytwin.design.views import ViewKind

THRESHOLD: Final = 0.5
"""Two groups are joined while their members have, on average, at least half of their aspects in common."""


@dataclass(frozen=True, slots=True)
class Commonality:
    """What two candidates have in common."""

    first: str
    second: str
    shared: tuple[str, ...]
    """Aspects that both fix."""
    alike: tuple[str, ...]
    """Those of which both say the same."""
    likeness: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A variation point that candidates suggest."""

    candidates: tuple[str, ...]
    common: tuple[str, ...]
    """Aspects that all of them fix and of which all say the same: they belong to every variant, not to the choice."""
    varying: tuple[str, ...]
    """Aspects that all of them fix, differently: what the choice is about."""
    only_some: tuple[str, ...]
    """Aspects that some of them fix."""
    likeness: float
    """The mean over all pairs; 1 for a candidate alone."""
    view: ViewKind
    """The kind of view that shows most of what they fix."""


def commonality(first: Candidate, second: Candidate) -> Commonality:
    """Measure what two candidates have in common."""
    shared = tuple(each for each in first.fixes if each in second.fixes)
    # Jaccard's index over the aspects that are fixed, not over what they say: variants of one choice say different
    # things about the same aspects.
    united = {*first.fixes, *second.fixes}
    alike = tuple(each for each in shared if first.fixes[each] == second.fixes[each])
    return Commonality(first.id, second.id, shared, alike, len(shared) / len(united) if united else 0.0)


def commonalities(knowledge: Knowledge) -> tuple[Commonality, ...]:
    """Measure all pairs, the likest first."""
    pairs = combinations(knowledge.candidates.values(), 2)
    return tuple(sorted((commonality(*pair) for pair in pairs), key=lambda each: -each.likeness))


def proposals(knowledge: Knowledge, threshold: float = THRESHOLD) -> tuple[Proposal, ...]:
    """Return the variation points that the candidates suggest, in the order of their first candidates."""
    assert 0 < threshold <= 1
    likeness = {frozenset((each.first, each.second)): each.likeness for each in commonalities(knowledge)}
    groups = [[each] for each in knowledge.candidates]
    while len(groups) > 1:
        # The negative places make the first pair win among equals, whatever the order in which a set would give them.
        scored = [(_mean(one, other, likeness), -i, -j) for (i, one), (j, other) in combinations(enumerate(groups), 2)]
        best, i, j = max(scored)
        # Average linkage: a group grows only while its members are alike in the mean, so that one odd candidate does
        # not chain two groups together.
        if best < threshold:
            break
        groups[-i] += groups.pop(-j)
    order = list(knowledge.candidates)
    return tuple(_proposal(sorted(group, key=order.index), knowledge, likeness) for group in groups)


def _mean(one: Sequence[str], other: Sequence[str], likeness: dict[frozenset[str], float]) -> float:
    pairs = [likeness[frozenset((a, b))] for a in one for b in other]
    return sum(pairs) / len(pairs)


def _is_same(aspect: str, members: Sequence[Candidate]) -> bool:
    return len({each.fixes[aspect] for each in members}) == 1


def _proposal(group: Sequence[str], knowledge: Knowledge, likeness: dict[frozenset[str], float]) -> Proposal:
    members = [knowledge.candidates[each] for each in group]
    fixed = Counter(aspect for each in members for aspect in each.fixes)
    by_all = [aspect for aspect in knowledge.aspects if fixed[aspect] == len(members)]
    # Of a candidate alone everything would be common, and nothing left that varies.
    common = [aspect for aspect in by_all if len(members) > 1 and _is_same(aspect, members)]
    views = Counter(knowledge.aspects[aspect].view for aspect in fixed.elements())
    pairs = [likeness[frozenset(pair)] for pair in combinations(group, 2)]
    return Proposal(
        candidates=tuple(group),
        common=tuple(common),
        varying=tuple(aspect for aspect in by_all if aspect not in common),
        only_some=tuple(aspect for aspect in knowledge.aspects if 0 < fixed[aspect] < len(members)),
        likeness=sum(pairs) / len(pairs) if pairs else 1.0,
        # Of kinds that show equally much the first in the list: the same answer every time.
        view=max(ViewKind, key=lambda kind: views[kind]),
    )
