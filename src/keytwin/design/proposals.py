"""All configurations that could meet a case, each laid out and judged; and why nothing fits where nothing does.

What the rules leave open is tried: every valid choice at the variation points that shape a network. A design is never
given one number: those that no other beats in every respect are shown side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Final

from keytwin.design.conflict import conflicts_and_repairs
from keytwin.design.derivation import Derived, Stance, Wish
from keytwin.design.features import Constraint, Feature, FeatureModel, Group
from keytwin.design.formula import Any, Implies, Is, Not
from keytwin.design.measures import NO_YARDSTICK, OF_THE_CONFIGURATION, Yardstick, find_out
from keytwin.design.need import Case, Need, NeedId, Sense
from keytwin.design.ovm_features import configuration_of, features_of
from keytwin.design.plan import Plan
from keytwin.design.realisation import Layouts, Shelf
from keytwin.design.selection import Selection, completed
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.verdict import Outcome, Verdict, judge
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariationPointId

SHAPING: Final = tuple(VariationPointId(name) for name in ("protocol", "q-link", "medium", "terrestrial", "free-space"))
"""The variation points on which the layout of a network hangs; the others are decided only where somebody asks."""
MOST_TOGETHER: Final = 2  # variants of one variation point that are tried together


@dataclass(frozen=True, slots=True)
class Proposal:
    """One configuration, as far as it goes."""

    configuration: Configuration
    plan: Plan | None = None
    """None where it cannot be laid out on the sites."""
    why_not: str = ""
    """The physical reason then."""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def is_acceptable(self) -> bool:
        """Whether it can be built and misses nothing that must be met, as far as analysis can tell."""
        return self.plan is not None and not any(verdict.rejects for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Clash:
    """Wishes that no configuration meets together."""

    conflicts: tuple[tuple[Wish, ...], ...]
    """Each impossible as a whole, and possible when any one of it is given up; the shortest first."""
    repairs: tuple[tuple[Wish, ...], ...]
    """Each enough to give up, and no less of it; the shortest first."""


def clash_of(ovm: Ovm, derived: Derived) -> Clash | None:
    """Return why the wishes cannot be met together; None when they can."""
    selection = Selection(_wished(ovm, derived.wishes))
    found = conflicts_and_repairs(
        selection.oracle, [selection.number(_name(each)) for each in range(len(derived.wishes))]
    )
    if not found.conflicts:
        return None

    def wishes(places: Iterable[int]) -> tuple[Wish, ...]:
        return tuple(derived.wishes[place] for place in places)

    return Clash(tuple(map(wishes, found.conflicts)), tuple(map(wishes, found.repairs)))


def configurations(ovm: Ovm, derived: Derived) -> Iterator[Configuration]:
    """Give every configuration that meets all wishes and decides no more than it must beside what shapes a network."""
    selection = Selection(_wished(ovm, derived.wishes))
    for place in range(len(derived.wishes)):
        # The conflict is told by `clash_of`; here there is just nothing to give.
        if selection.click(_name(place)) is None:
            return
    yield from _decided(selection, ovm, [point for point in SHAPING if point in ovm.points])


def propose(
    case: Case, ovm: Ovm, derived: Derived, shelf: Shelf, yardstick: Callable[[Configuration], Yardstick] | None = None
) -> tuple[Proposal, ...]:
    """Lay out and judge every configuration that meets the wishes; the acceptable ones come first."""
    layouts = Layouts(case, ovm, shelf, derived.routes)
    made = [
        Judging(case.needs, layouts, yardstick(each) if yardstick else NO_YARDSTICK).proposal(each)
        for each in configurations(ovm, derived)
    ]
    return tuple(sorted(made, key=lambda each: (not each.is_acceptable, each.plan is None)))


def proposal_of(
    case: Case, ovm: Ovm, configuration: Configuration, shelf: Shelf, routes: int, yardstick: Yardstick = NO_YARDSTICK
) -> Proposal:
    """Lay out and judge one configuration."""
    return Judging(case.needs, Layouts(case, ovm, shelf, routes), yardstick).proposal(configuration)


@dataclass(frozen=True, slots=True)
class Judging:
    """Configurations of one case laid out and judged; what is a matter of the network alone once for each network."""

    needs: tuple[Need, ...]
    """What is judged: those of the case, where it is laid out in a widened form."""
    layouts: Layouts
    yardstick: Yardstick = NO_YARDSTICK
    _known: dict[tuple[int, NeedId], Verdict] = field(default_factory=dict)
    """By the network's blueprint, which `layouts` keeps, and need."""

    def proposal(self, configuration: Configuration) -> Proposal:
        """Lay out and judge a configuration."""
        try:
            plan = self.layouts.plan(configuration)
            verdicts = tuple(self.verdict(plan, need) for need in self.needs)
        # A configuration that physics forbids here is a finding of this case, no error.
        except Mistake as mistake:
            return Proposal(configuration, why_not=str(mistake))
        return Proposal(configuration, plan, verdicts=verdicts)

    def verdict(self, plan: Plan, need: Need) -> Verdict:
        """Judge one need by a plan of these layouts."""
        if need.measure in OF_THE_CONFIGURATION:
            return self._judged(plan, need)
        asked = (id(plan.blueprint), need.id)
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = self._judged(plan, need)
        return known

    def _judged(self, plan: Plan, need: Need) -> Verdict:
        found = find_out(plan, need, self.layouts.case.pairs(need), self.yardstick) if need.measure else None
        return judge(need, found)


def front(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Return the acceptable proposals that no other beats: at least as good for every need, and better for one."""
    # What misses a must is beaten by everything, and beats nothing.
    fit = [each for each in proposals if each.is_acceptable]
    scores = [_scores(each) for each in fit]
    return tuple(
        proposal for proposal, own in zip(fit, scores, strict=True) if not any(_beats(other, own) for other in scores)
    )


def _scores(proposal: Proposal) -> tuple[float, ...]:
    """Return what was found for each need, so that more is better."""
    scores = []
    for verdict in proposal.verdicts:
        if verdict.found is None or verdict.outcome is Outcome.UNVERIFIABLE:
            # What cannot be told must not make a proposal better than one of which it is known.
            scores.append(-inf)
        else:
            is_more = verdict.measure.sense is Sense.AT_LEAST
            scores.append(verdict.found.value if is_more else -verdict.found.value)
    return tuple(scores)


def _beats(other: tuple[float, ...], own: tuple[float, ...]) -> bool:
    # Equal in every respect beats nobody: both stay, and a person may choose.
    return all(theirs >= mine for theirs, mine in zip(other, own, strict=True)) and other != own


# --- wishes as features ---------------------------------------------------------------------------------------------


def _name(place: int) -> str:
    return f"wish:{place}"  # no variant has a colon


def _wished(ovm: Ovm, wishes: Sequence[Wish]) -> FeatureModel:
    """Return the OVM with a feature for each wish: who chooses it gets what it asks for."""
    model = features_of(ovm)
    features, groups, rules = dict(model.features), list(model.groups), list(model.constraints)
    for place, wish in enumerate(wishes):
        name, variants = _name(place), Any(tuple(map(Is, wish.variants)))
        features[name] = Feature(name, wish.reason, is_abstract=True)
        # Below the root and optional: a wish may be given up, and a repair is a set of them.
        groups.append(Group(model.root, (name,), 0, 1))
        wanted = variants if wish.stance is Stance.TAKE else Not(variants)
        rules.append(Constraint(Implies(Is(name), wanted), wish.reason))
    return replace(model, features=MappingProxyType(features), groups=tuple(groups), constraints=tuple(rules))


def _choices(ovm: Ovm, point: VariationPointId) -> Iterator[tuple[str, ...]]:
    """Give nothing, each variant alone, and each two together where the variation point allows them."""
    variants = [each.id for each in ovm.variants_of(point)]
    # Nothing at all is tried too: a variation point may be closed, or optional.
    yield ()
    yield from ((each,) for each in variants)
    if min(ovm.points[point].most, MOST_TOGETHER) == MOST_TOGETHER:
        yield from ((first, second) for place, first in enumerate(variants) for second in variants[place + 1 :])


def _decided(selection: Selection, ovm: Ovm, points: Sequence[VariationPointId]) -> Iterator[Configuration]:
    """Decide one variation point after the other; what is impossible by then is not gone into."""
    if not points:
        yield configuration_of(ovm, completed(selection))
        return
    variants = [each.id for each in ovm.variants_of(points[0])]
    for choice in _choices(ovm, points[0]):
        # The others are refused, not left open: else a leaner choice would come up again with each richer one.
        clicks = [(each, each in choice) for each in (*choice, *(other for other in variants if other not in choice))]
        done = _clicked(selection, clicks)
        if done == len(clicks):
            yield from _decided(selection, ovm, points[1:])
        for _ in range(done):
            selection.undo()


def _clicked(selection: Selection, clicks: Sequence[tuple[str, bool]]) -> int:
    """Click as many as are possible together, in their order, and return how many."""
    for place, (feature, wanted) in enumerate(clicks):
        if selection.click(feature, wanted=wanted) is None:
            return place
    return len(clicks)
