"""From a need to a judged design: rules, proposals, the one that is taken, its trials on the twin, a verdict per need.

Nothing is weighed into one score. Of the proposals that nothing beats, the one taken misses the fewest wishes, can run,
and costs least, in this order; `take` names another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from keytwin.assessment.architecture import USUAL_OVM, architecture_of
from keytwin.assessment.existing import plan_of
from keytwin.assessment.physics import Physics, shelf
from keytwin.assessment.trials import Tried, measured, try_out
from keytwin.design.baseline import without_qkd
from keytwin.design.composition import Architecture
from keytwin.design.cost import CostBook, cost_of
from keytwin.design.derivation import CHOSEN, Derived, Wish, derive
from keytwin.design.measures import Found, Yardstick, find_out
from keytwin.design.need import Case, Need, Priority
from keytwin.design.plan import Plan
from keytwin.design.proposals import Clash, Proposal, clash_of, front, propose
from keytwin.design.relaxation import Relaxation, needs_in_conflict, relaxations, widened
from keytwin.design.variability import Ovm
from keytwin.design.verdict import Outcome, Verdict, judge
from keytwin.files.cost_book import cost_book_from
from keytwin.files.library import cost_book_source
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake

USUAL_SEED: Final = 1
USUAL_COSTS: Final = "assumed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A need with everything that was found out about it."""

    verdict: Verdict
    analysed: Found | None
    measured: Found | None = None
    tried: Tried | None = None
    """The trial that measured it."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """What came of a case."""

    case: Case
    ovm: Ovm
    derived: Derived
    """What the rules say; wishes that were given up are still among them."""
    clash: Clash | None
    given_up: tuple[Wish, ...]
    proposals: tuple[Proposal, ...]
    taken: Proposal | None
    """None where nothing can be laid out at all."""
    architecture: Architecture | None
    tries: tuple[Tried, ...]
    judged: tuple[Judged, ...]
    baseline: tuple[Verdict, ...]
    """Without QKD."""
    conflicts: tuple[tuple[Need, ...], ...]
    """Needs that no proposal meets together."""
    relaxed: tuple[Relaxation, ...]
    """The cheapest ways out, where no proposal is acceptable."""
    seed: int

    @property
    def plan(self) -> Plan | None:
        """The plan of the proposal that was taken."""
        return self.taken.plan if self.taken else None

    @property
    def is_met(self) -> bool:
        """Whether a design was found that meets all that must be met."""
        return bool(self.judged) and all(
            each.verdict.outcome is Outcome.MET
            for each in self.judged
            if each.verdict.need.priority is Priority.MUST and each.verdict.outcome is not Outcome.UNVERIFIABLE
        )


@dataclass(frozen=True, slots=True)
class Options:
    """How a case is assessed."""

    seed: int = USUAL_SEED
    take: int | None = None
    """Number of the proposal, from 1; None = chosen as this module says."""
    costs: CostBook | None = None
    """None = the library's assumed prices."""
    is_tried: bool = True
    """Whether the design is run on the twin."""
    physics: Physics = field(default_factory=Physics)


def assess(case: Case, options: Options | None = None) -> Assessed:
    """Return what comes of a case; Mistake when it chooses what the OVM does not have, or a price is missing."""
    wanted = options or Options()
    ovm, book = library_ovm(USUAL_OVM), wanted.costs or usual_costs()
    derived = derive(case, ovm, wanted.physics.reaches)
    clash = clash_of(ovm, derived)
    given_up = _given_up(clash)
    kept = replace(derived, wishes=tuple(wish for wish in derived.wishes if wish not in given_up))
    proposals = propose(case, ovm, kept, shelf(wanted.physics), lambda _: Yardstick(book))
    taken = _taken(proposals, book, wanted.take)
    architecture = architecture_of(ovm, taken.configuration) if taken else None
    tries = try_out(case, taken.plan, wanted.seed) if taken and taken.plan and wanted.is_tried else ()
    findings = len(architecture.after.findings) if architecture else None
    plan = taken.plan if taken else None
    conflicts, relaxed = _ways_out(case, ovm, proposals, wanted.physics, book)
    return Assessed(
        case=case,
        ovm=ovm,
        derived=derived,
        clash=clash,
        given_up=given_up,
        proposals=proposals,
        taken=taken,
        architecture=architecture,
        tries=tries,
        judged=tuple(judged(case, need, plan, Yardstick(book, findings), tries) for need in case.needs) if plan else (),
        baseline=_baseline(case, book),
        conflicts=conflicts,
        relaxed=relaxed,
        seed=wanted.seed,
    )


def assess_network(case: Case, blueprint: Blueprint, options: Options | None = None) -> Assessed:
    """Return what comes of a case on a network that is there; Mistake when it lacks a site, or a link gives no key."""
    wanted = options or Options()
    plan = plan_of(case, blueprint, wanted.physics)
    book = wanted.costs or usual_costs()
    tries = try_out(case, plan, wanted.seed) if wanted.is_tried else ()
    yardstick = Yardstick(book)
    return Assessed(
        case=case,
        ovm=library_ovm(USUAL_OVM),
        # Nothing was chosen here, so no rule has anything to say.
        derived=Derived((), plan.routes),
        clash=None,
        given_up=(),
        proposals=(),
        taken=Proposal(plan.configuration, plan),
        architecture=None,
        tries=tries,
        judged=tuple(judged(case, need, plan, yardstick, tries) for need in case.needs),
        baseline=_baseline(case, book),
        conflicts=(),
        relaxed=(),
        seed=wanted.seed,
    )


def _baseline(case: Case, book: CostBook) -> tuple[Verdict, ...]:
    return tuple(judge(need, without_qkd(case, need, book) if need.measure else None) for need in case.needs)


def usual_costs() -> CostBook:
    """Return the cost book that is used where none is named."""
    return cost_book_from(cost_book_source(USUAL_COSTS))


def judged(case: Case, need: Need, plan: Plan, yardstick: Yardstick, tries: tuple[Tried, ...]) -> Judged:
    """Judge a need by analysis, and by its trial where there was one; where they differ the worse one counts."""
    if not need.measure:
        return Judged(judge(need, None), None)
    pairs = case.pairs(need)
    analysed = find_out(plan, need, pairs, yardstick)
    seen = measured(need, pairs, tries)
    if seen is None:
        return Judged(judge(need, analysed), analysed)
    found, tried = seen
    by_test = judge(need, found)
    # A trial asks for no more than is needed, so how much more there would be only analysis can say.
    by_analysis = judge(need, analysed) if analysed else by_test
    # What analysis rules out it also says by how much; a run only sees that nothing came.
    is_by_test = by_analysis.outcome is not Outcome.MISSED and by_test.outcome is not Outcome.MET
    return Judged(by_test if is_by_test else by_analysis, analysed, found, tried)


def kept_wishes(ovm: Ovm, derived: Derived) -> Derived:
    """Return what rules ask for without the wishes that have to be given up."""
    given_up = _given_up(clash_of(ovm, derived))
    return replace(derived, wishes=tuple(wish for wish in derived.wishes if wish not in given_up))


def _given_up(clash: Clash | None) -> tuple[Wish, ...]:
    """Return the fewest wishes of rules to give up so that the stakeholder's own choices stand; all where none do."""
    if clash is None:
        return ()
    for repair in clash.repairs:
        if all(wish.rule != CHOSEN for wish in repair):
            return repair
    return ()


def _taken(proposals: tuple[Proposal, ...], book: CostBook, take: int | None) -> Proposal | None:
    if take is not None:
        if not 1 <= take <= len(proposals):
            raise Mistake(f"there is no proposal {take}: there are {len(proposals)}")
        chosen = proposals[take - 1]
        if chosen.plan is None:
            raise Mistake(f"proposal {take} cannot be built here: {chosen.why_not}")
        return chosen
    candidates = front(proposals) or tuple(each for each in proposals if each.plan is not None)
    return min(candidates, key=lambda each: _order(each, book), default=None)


def _order(proposal: Proposal, book: CostBook) -> tuple[int, int, int, float]:
    assert proposal.plan is not None
    missed = [each.need.priority for each in proposal.verdicts if each.outcome is Outcome.MISSED]
    return (
        missed.count(Priority.MUST),
        missed.count(Priority.SHOULD),
        len(proposal.plan.not_runnable),
        cost_of(proposal.plan, book).most,
    )


def _ways_out(
    case: Case, ovm: Ovm, proposals: tuple[Proposal, ...], physics: Physics, book: CostBook
) -> tuple[tuple[tuple[Need, ...], ...], tuple[Relaxation, ...]]:
    """Return needs in conflict and the cheapest relaxations, where no proposal is acceptable."""
    if any(each.is_acceptable for each in proposals):
        return (), ()
    # A rule leaves out what a need forbids: whether that need is worth it shows only where nothing is forbidden.
    wide = widened(case)
    derived = derive(wide, ovm, physics.reaches)
    tried = propose(wide, ovm, kept_wishes(ovm, derived), shelf(physics), lambda _: Yardstick(book))
    return needs_in_conflict(case, tried), relaxations(case, tried)
