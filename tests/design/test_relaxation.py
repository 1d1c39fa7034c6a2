"""What to give up where nothing fits: the conflicts against all subsets, the relaxations by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import Case, Need, Priority
from keytwin.design.proposals import Proposal, propose
from keytwin.design.relaxation import Change, needs_in_conflict, relaxations, widened
from keytwin.design.variability import Configuration
from keytwin.design.verdict import judge
from keytwin.vocabulary.identity import VariantId
from tests.design.cases import GROUND, SHELF, case, line, need, plan
from tests.design.test_proposals import QKD, derived

SOME_PLAN = plan(case(line("a--b", 10.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND)
RATE = need("key-rate", 1_000.0)
COST = need("cost", 1e6)
RELAYS = need("third-party-relays", 0.0)
SECURITY = need("security", 5.0)
WISH = need("headroom", 0.5, priority=Priority.SHOULD)
SUBJECT = case(line("a--b", 10.0), needs=(RATE, COST, RELAYS, SECURITY, WISH))


def proposal(name: str, *values: float, needs: tuple[Need, ...] = SUBJECT.needs) -> Proposal:
    """Return a proposal of which each need has been found to come to a value; needs without one are met."""
    wanted = (*values, *(each.threshold for each in needs[len(values) :]))
    verdicts = tuple(judge(each, Found(value, Method.ANALYSIS)) for each, value in zip(needs, wanted, strict=True))
    return Proposal(Configuration("qkd", (VariantId(name),)), SOME_PLAN, verdicts=verdicts)


def conflicts(*proposals: Proposal) -> list[list[str]]:
    return [[each.measure for each in group] for group in needs_in_conflict(SUBJECT, proposals)]


def told(*proposals: Proposal, subject: Case = SUBJECT) -> list[list[tuple[str, str]]]:
    found = relaxations(subject, proposals)
    return [[(change.need.measure, change.written) for change in each.changes] for each in found]


def test_needs_that_no_proposal_meets_together_are_in_conflict() -> None:
    slow, dear = proposal("x.slow", 500.0), proposal("x.dear", 1_000.0, 2e6)
    assert conflicts(slow, dear) == [["key-rate", "cost"]]
    assert conflicts(slow) == [["key-rate"]]
    # Of two needs that are missed by all, each alone is a conflict.
    assert conflicts(proposal("x.both", 500.0, 2e6)) == [["key-rate"], ["cost"]]


def test_no_conflict_where_something_fits_or_nothing_can_be_laid_out() -> None:
    lost = Proposal(Configuration("qkd", ()), why_not="no light")
    assert conflicts(proposal("x.slow", 500.0), proposal("x.fit")) == []
    assert conflicts(lost) == []
    assert told(proposal("x.slow", 500.0), proposal("x.fit")) == []
    assert told(lost) == []
    # Of what cannot be laid out nothing is known, so it neither eases a conflict nor makes one.
    assert conflicts(lost, proposal("x.slow", 500.0)) == [["key-rate"]]


def test_a_wish_that_is_missed_needs_no_relaxation() -> None:
    wished = proposal("x.fit", 1_000.0, 1e6, 0.0, 5.0, 0.0)
    assert wished.is_acceptable
    assert told(wished) == []


MUSTS = tuple(need("key-rate", float(rate)) for rate in range(1, 6))


@given(st.lists(st.sets(st.sampled_from(MUSTS)), min_size=1, max_size=6))
def test_conflicts_are_the_smallest_sets_of_which_each_proposal_misses_one(missed: list[set[Need]]) -> None:
    subject = replace(SUBJECT, needs=MUSTS)
    proposals = [
        proposal("x.any", *(0.0 if each in lost else each.threshold for each in MUSTS), needs=MUSTS) for lost in missed
    ]
    hitting = [
        set(group)
        for size in range(1, len(MUSTS) + 1)
        for group in combinations(MUSTS, size)
        if all(set(group) & lost for lost in missed)
    ]
    wanted = [group for group in hitting if not any(other < group for other in hitting)]
    assert [set(group) for group in needs_in_conflict(subject, proposals)] == wanted


def test_thresholds_become_what_the_proposal_comes_to() -> None:
    slow, dear = proposal("x.slow", 900.0), proposal("x.dear", 1_000.0, 1.5e6)
    assert told(dear, slow) == [[("key-rate", "900 bit/s")], [("cost", "1.5 MEUR")]]
    first, second = relaxations(SUBJECT, (dear, slow))
    assert (first.proposals, second.proposals) == ((slow,), (dear,))
    assert (round(first.largest, 9), second.largest) == (0.1, 0.5)


def test_fewer_needs_come_before_smaller_changes() -> None:
    nearly, far = proposal("x.nearly", 999.0, 1.001e6), proposal("x.far", 1.0)
    assert told(nearly, far) == [[("key-rate", "1 bit/s")], [("key-rate", "999 bit/s"), ("cost", "1 MEUR")]]


def test_what_asks_more_than_another_is_left_out() -> None:
    slow, slower = proposal("x.slow", 900.0), proposal("x.slower", 800.0)
    dearer = proposal("x.dearer", 900.0, 2e6)
    assert told(slower, dearer, slow) == [[("key-rate", "900 bit/s")]]


def test_proposals_that_ask_the_same_are_one_relaxation() -> None:
    one, other = proposal("x.one", 900.0), proposal("x.other", 900.0)
    (found,) = relaxations(SUBJECT, (one, other))
    assert found.proposals == (one, other)


def test_levels_and_thresholds_of_nothing_have_no_share_and_come_last() -> None:
    relayed, weak = proposal("x.relayed", 1_000.0, 1e6, 2.0), proposal("x.weak", 1_000.0, 1e6, 0.0, 2.0)
    slow = proposal("x.slow", 1.0)
    assert told(relayed, weak, slow) == [
        [("key-rate", "1 bit/s")],
        [("third-party-relays", "2")],
        [("security", "trusted-relays")],
    ]
    assert [each.largest for each in relaxations(SUBJECT, (relayed, weak))] == [inf, inf]


def test_a_need_of_which_nothing_is_left_is_given_up() -> None:
    assert Change(RATE, 0.0).gives_up
    assert not Change(RATE, 1.0).gives_up
    assert Change(COST, inf).gives_up
    assert not Change(COST, 1e9).gives_up


def test_what_rules_left_out_may_be_what_relaxes() -> None:
    subject = case(line("a--b", 150.0, relays="Telco"), needs=(need("key-rate", 10.0), need("third-party-relays", 0.0)))
    strict = propose(subject, QKD, derived(subject), SHELF)
    # With the need as it stands no relay is even tried, and so nothing gives key.
    assert not any(each.plan for each in strict)
    assert relaxations(subject, strict) == ()
    wide = widened(subject)
    found = relaxations(subject, (*strict, *propose(wide, QKD, derived(wide), SHELF)))
    assert [[each.need.measure for each in relaxation.changes] for relaxation in found] == [["third-party-relays"]]
    assert all(each.need.priority is Priority.MUST for each in found[0].changes)
    assert needs_in_conflict(subject, propose(wide, QKD, derived(wide), SHELF)) == ((subject.needs[1],),)
