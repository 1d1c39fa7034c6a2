"""What alternatives are compared by, and how much of scaled demands a plan serves: by hand, and by the programme."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from keytwin.design.measures import Found, find_out
from keytwin.design.model import Method
from keytwin.design.need import Case, Condition, Failure, Need, NeedId, Priority
from keytwin.design.objectives import MOST, SCALES, Objective, objectives_of, served, values_of
from keytwin.design.proposals import Judging, Proposal
from keytwin.design.realisation import Layouts
from keytwin.design.verdict import judge
from tests.design.alternatives import SOME_PLAN, candidate
from tests.design.cases import GROUND, SHELF, case, line, need
from tests.design.ovms import chosen, small_ovm
from tests.design.plans import plan as plan_of

LINE = line("a--b", 10.0)


def names(*needs: Need) -> tuple[list[str], tuple[str, ...]]:
    found, left_out = objectives_of(case(LINE, needs=needs))
    return [each.name for each in found], left_out


def under(subject: Need, failure: Failure) -> Need:
    return replace(subject, id=NeedId(f"{subject.id}-{failure}"), under=Condition(failure, 1))


def test_the_measures_of_the_needs_are_the_objectives_musts_first() -> None:
    wish = need("cost", 1e6, priority=Priority.SHOULD)
    assert names(wish, need("security", 2.0), need("readiness", 8.0)) == (["security", "readiness", "cost"], ())


def test_few_needs_are_filled_up_and_many_are_cut() -> None:
    assert names(need("reach", 5.0)) == (["reach", "cost", "readiness"], ())
    filled, _ = objectives_of(case(LINE, needs=(need("cost", 1e6),)))
    assert [(each.name, each.is_asked) for each in filled] == [
        ("cost", True),
        ("readiness", False),
        ("security", False),
    ]
    many = ("reach", "cost", "readiness", "security", "own-relays", "compromise", "links-survived")
    found, left_out = names(*(need(each, 1.0) for each in many))
    assert found == list(many[:MOST])
    assert left_out == many[MOST:]


def test_what_only_a_run_or_a_composed_architecture_tells_is_not_compared() -> None:
    found, left_out = names(need("latency", 1e9), need("consistency", 0.0), need("reach", 1.0))
    assert found == ["reach", "cost", "readiness"]
    assert left_out == ("latency", "consistency")
    unmeasured = Need(id=NeedId("N9"), text="It should feel safe", priority=Priority.MUST, measure="")
    assert names(unmeasured, need("reach", 1.0)) == (["reach", "cost", "readiness"], ())


def test_needs_for_key_that_order_alike_are_one_objective() -> None:
    rate = need("key-rate", 10.0)
    twice = (rate, need("key-rate", 20.0, "a--b"), need("headroom", 0.5), under(rate, Failure.CUT))
    assert names(*twice, need("cost", 1e6))[0] == ["key-rate", "key-rate under cut(1 link)", "cost"]
    pairs = (need("reach", 1.0, "a--b"), need("reach", 1.0))
    assert names(*pairs, need("cost", 1e6))[0] == ["reach of a -- b", "reach", "cost"]


def test_scores_grow_with_what_is_good_and_nothing_known_is_worst() -> None:
    rate, cost = Objective(need("key-rate", 1.0)), Objective(need("cost", 1e6))
    assert rate.score(2.0) > rate.score(1.0) > rate.score(None) == -inf
    assert cost.score(1.0) > cost.score(2.0) > cost.score(None) == -inf
    assert rate.score(inf) == inf
    assert rate.score(1.0) == rate.score(1.0 + 1e-12)
    assert rate.shown(None) == "not known"


def test_gaps_are_shares_and_a_level_has_none() -> None:
    rate, level = Objective(need("key-rate", 1.0)), Objective(need("security", 2.0))
    assert rate.gap(4.0, 1.0) == 0.75
    assert Objective(need("cost", 1.0)).gap(2.0, 3.0) == 0.5
    assert level.gap(5.0, 2.0) is None
    assert [rate.gap(inf, 1.0), rate.gap(0.0, 1.0), rate.gap(None, 1.0), rate.gap(1.0, None)] == [None] * 4


def test_values_are_what_was_found_and_fillers_are_found_out() -> None:
    subject = case(LINE, needs=(need("key-rate", 10.0), need("latency", 1e9)))
    judging = Judging(subject.needs, Layouts(subject, small_ovm(), SHELF))
    proposal = judging.proposal(chosen("protocol.decoy-bb84", "q-link.direct", *GROUND))
    found, _ = objectives_of(subject)
    rate = proposal.verdicts[0].found
    assert rate is not None
    # No cost book: nobody can tell the cost.
    assert values_of(judging, proposal, found) == (rate.value, None, 0.0)


def test_scaled_demands_are_served_by_the_worst_need_and_never_more_than_wholly() -> None:
    subject = case(LINE, needs=(need("key-rate", 10.0), need("headroom", 0.5), need("cost", 1e6)))
    found = candidate(14.0, 0.8, 1e6, subject=subject)
    # 14 of 10 is 1.4; 1.8 of 1.5 is 1.2 and worse.
    assert [served(found.proposal, scale) for scale in SCALES] == [1.0, 1.0, pytest.approx(0.8)]
    quiet = case(LINE, needs=(need("cost", 1e6), need("reach", 1.0), need("readiness", 1.0)))
    assert served(candidate(1e6, 1.0, 1.0, subject=quiet).proposal, 1.0) is None


@pytest.mark.parametrize("scale", SCALES)
def test_dividing_by_the_scale_is_what_the_programme_says(scale: float) -> None:
    rates = {"a--b": 100.0, "b--c": 60.0, "a--c": 30.0}
    subject: Case = case(line("a--b", 1.0), line("b--c", 1.0), needs=(need("key-rate", 40.0, "a--b", "b--c", "a--c"),))
    (wanted,) = subject.needs

    def value(demand: float) -> float:
        plan = plan_of(rates, dict.fromkeys(("a--b", "b--c", "a--c"), demand), relays="abc")
        found = find_out(plan, replace(wanted, threshold=demand), wanted.between)
        assert found is not None
        return found.value

    verdict = judge(wanted, Found(value(40.0), Method.ANALYSIS))
    proposal = Proposal(SOME_PLAN.configuration, SOME_PLAN, verdicts=(verdict,))
    assert served(proposal, scale) == pytest.approx(min(1.0, value(40.0 * scale) / (40.0 * scale)))
