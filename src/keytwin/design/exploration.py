"""All alternatives of a case side by side: those that nothing beats, and why each of the others is not among them.

A Pareto front, with no weights. Regret follows Savage, J. Am. Stat. Assoc. 46, 55 (recalled): how much one would miss,
at the worst, had one known the demand before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from keytwin.design.objectives import SCALES, Objective, served, values_of
from keytwin.design.proposals import Judging, Proposal
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.verdict import Outcome, Verdict
from keytwin.vocabulary.identity import VariantId, VariationPointId


class Fate(StrEnum):
    """What became of an alternative."""

    FRONT = "not beaten"
    DOMINATED = "beaten"
    """Another is as good in every objective, and better in one."""
    REJECTED = "misses what must be met"
    IMPOSSIBLE = "cannot be built here"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One alternative with its figures."""

    proposal: Proposal
    values: tuple[float | None, ...] = ()
    """One an objective; none where it cannot be laid out."""

    @property
    def missed(self) -> tuple[Verdict, ...]:
        """The needs that it surely misses."""
        return tuple(verdict for verdict in self.proposal.verdicts if verdict.outcome is Outcome.MISSED)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the front: alternatives with equal figures that miss the same needs."""

    candidates: tuple[Candidate, ...]
    regrets: tuple[float, ...] = ()
    """One a scale of the demand: what the best of the front serves then, less what this does; none without a demand."""

    @property
    def values(self) -> tuple[float | None, ...]:
        """Its figures, one an objective."""
        return self.candidates[0].values

    @property
    def missed(self) -> tuple[Verdict, ...]:
        """The needs that it surely misses."""
        return self.candidates[0].missed

    @property
    def regret(self) -> float | None:
        """The largest of its regrets."""
        return max(self.regrets, default=None)


@dataclass(frozen=True, slots=True)
class Gap:
    """How far one alternative lies behind another in one objective."""

    objective: Objective
    better: float | None
    worse: float | None

    def __str__(self) -> str:
        """Write it: `cost: 2.4 MEUR instead of 1.2 MEUR, by 100 %`."""
        share = self.objective.gap(self.better, self.worse)
        told = f"{self.objective.shown(self.worse)} instead of {self.objective.shown(self.better)}"
        return f"{self.objective.name}: {told}{'' if share is None else f', by {100 * share:.3g} %'}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why an alternative is where it is."""

    fate: Fate
    why_not: str = ""
    """The physical reason, of what cannot be built."""
    missed: tuple[Verdict, ...] = ()
    """What must be met and is missed."""
    place: int | None = None
    """In the front: its own, or that of a point that beats it."""
    gaps: tuple[Gap, ...] = ()
    """All objectives in which the point that beats it is better."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An alternative that differs from a point of the front in one variation point."""

    candidate: Candidate
    point: VariationPointId
    instead: tuple[VariantId, ...]
    """What it chooses there."""
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of exploring a case."""

    objectives: tuple[Objective, ...]
    candidates: tuple[Candidate, ...]
    front: tuple[Point, ...]
    """Best in the first objective first."""
    is_met: bool
    """Whether what is in the front meets all that must be met; else nothing does, and the front is of what is there."""

    def judgement(self, candidate: Candidate, beside: int = 0) -> Judgement:
        """Return why an alternative is in the front, or is not; of points that beat it, `beside` is named first."""
        if candidate.proposal.plan is None:
            return Judgement(Fate.IMPOSSIBLE, why_not=candidate.proposal.why_not)
        if self.is_met and not candidate.proposal.is_acceptable:
            return Judgement(Fate.REJECTED, missed=tuple(each for each in candidate.missed if each.rejects))
        own = _scores(self.objectives, candidate)
        for place in sorted(range(len(self.front)), key=lambda place: place != beside):
            point = self.front[place]
            if candidate in point.candidates:
                return Judgement(Fate.FRONT, place=place)
            if _beats(_scores(self.objectives, point.candidates[0]), own):
                gaps = _gaps(self.objectives, point.values, candidate.values)
                return Judgement(Fate.DOMINATED, place=place, gaps=gaps)
        raise AssertionError("what nothing beats is in the front")

    def neighbours(self, point: Point, ovm: Ovm) -> tuple[Neighbour, ...]:
        """Return the alternatives that differ from the first one of a point in one variation point, and why not they.

        What a variant opens is part of its choice: another medium brings its own channels along.
        """
        home, beside = _choices(ovm, point.candidates[0].proposal.configuration), self.front.index(point)
        found = []
        for each in self.candidates:
            there = _choices(ovm, each.proposal.configuration)
            differing = _differing(ovm, home, there)
            if len(differing) == 1:
                found.append(Neighbour(each, differing[0], there.get(differing[0], ()), self.judgement(each, beside)))
        return tuple(found)

    def groups(self) -> tuple[tuple[Judgement, tuple[Candidate, ...]], ...]:
        """Return those outside the front by what keeps them out, with the first one's judgement; in order of coming."""
        groups: dict[_Key, list[Candidate]] = {}
        judgements: dict[_Key, Judgement] = {}
        for each in self.candidates:
            judgement = self.judgement(each)
            if judgement.fate is not Fate.FRONT:
                key = _key(judgement)
                groups.setdefault(key, []).append(each)
                judgements.setdefault(key, judgement)
        return tuple((judgements[key], tuple(group)) for key, group in groups.items())


def candidate_of(judging: Judging, configuration: Configuration, objectives: tuple[Objective, ...]) -> Candidate:
    """Lay out and judge one configuration, and find its figures."""
    proposal = judging.proposal(configuration)
    return Candidate(proposal, values_of(judging, proposal, objectives) if proposal.plan else ())


def explore(objectives: tuple[Objective, ...], candidates: Iterable[Candidate]) -> Exploration:
    """Compare alternatives: the front of those that meet what must be met, or of all that can be built if none does."""
    every = tuple(candidates)
    built = [each for each in every if each.proposal.plan is not None]
    fit = [each for each in built if each.proposal.is_acceptable]
    return Exploration(objectives, every, _front(objectives, fit or built), bool(fit))


_Key: TypeAlias = tuple[Fate, str, tuple[str, ...], int | None]
_Scores: TypeAlias = tuple[float, ...]
_Choices: TypeAlias = Mapping[VariationPointId, tuple[VariantId, ...]]


def _key(judgement: Judgement) -> _Key:
    missed = tuple(verdict.need.id for verdict in judgement.missed)
    return judgement.fate, judgement.why_not, missed, judgement.place


def _scores(objectives: Sequence[Objective], candidate: Candidate) -> _Scores:
    return tuple(each.score(value) for each, value in zip(objectives, candidate.values, strict=True))


def _beats(other: _Scores, own: _Scores) -> bool:
    # Equal in every respect beats nobody: both stay, and a person may choose.
    return other != own and all(theirs >= mine for theirs, mine in zip(other, own, strict=True))


def _front(objectives: tuple[Objective, ...], fit: Sequence[Candidate]) -> tuple[Point, ...]:
    scores = {_scores(objectives, each) for each in fit}
    unbeaten = {own for own in scores if not any(_beats(other, own) for other in scores)}
    points: dict[tuple[_Scores, tuple[str, ...]], list[Candidate]] = {}
    for each in fit:
        own = _scores(objectives, each)
        if own in unbeaten:
            points.setdefault((own, tuple(verdict.need.id for verdict in each.missed)), []).append(each)
    # Best first in the first objective, then in the next: an order to read in, and no ranking.
    ordered = sorted(points.items(), key=lambda item: [-score for score in item[0][0]])
    return _with_regret([tuple(group) for _, group in ordered])


def _with_regret(groups: Sequence[tuple[Candidate, ...]]) -> tuple[Point, ...]:
    """Tell for each scale of the demand how much less a point serves than the best of the front."""
    shares = [[_served(group, scale) for scale in SCALES] for group in groups]
    best = [max(column) for column in zip(*shares, strict=True)]
    is_asked = any(served(each.proposal, 1.0) is not None for group in groups for each in group)
    return tuple(
        Point(group, tuple(top - own for top, own in zip(best, row, strict=True)) if is_asked else ())
        for group, row in zip(groups, shares, strict=True)
    )


def _served(group: tuple[Candidate, ...], scale: float) -> float:
    return min((share for each in group if (share := served(each.proposal, scale)) is not None), default=0.0)


def _gaps(
    objectives: Sequence[Objective], better: Sequence[float | None], worse: Sequence[float | None]
) -> tuple[Gap, ...]:
    return tuple(
        Gap(each, top, low)
        for each, top, low in zip(objectives, better, worse, strict=True)
        if each.score(top) > each.score(low)
    )


def _choices(ovm: Ovm, configuration: Configuration) -> _Choices:
    chosen: dict[VariationPointId, tuple[VariantId, ...]] = {}
    for variant in configuration.chosen:
        point = ovm.variants[variant].point
        chosen[point] = (*chosen.get(point, ()), variant)
    return chosen


def _differing(ovm: Ovm, home: _Choices, there: _Choices) -> list[VariationPointId]:
    """Return the variation points that two configurations decide differently, without those that only one opens."""
    points = []
    for point in dict.fromkeys((*home, *there)):
        parent = ovm.points[point].parent
        both_open = parent is None or all(parent in each.get(ovm.variants[parent].point, ()) for each in (home, there))
        if both_open and home.get(point) != there.get(point):
            points.append(point)
    return points
