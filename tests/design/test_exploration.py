"""The front against brute force, and why everything else is not in it, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.exploration import Candidate, Exploration, Fate, candidate_of, explore
from keytwin.design.need import Priority
from keytwin.design.proposals import Judging
from keytwin.design.realisation import Layouts
from keytwin.design.relaxation import widened
from keytwin.design.variability import Ovm, VariationPoint
from keytwin.design.views import ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId
from tests.design.alternatives import SUBJECT, candidate, impossible, objectives
from tests.design.cases import APART, GROUND, LEO, RELAYED, SHELF, SKY, case, line, need
from tests.design.ovms import chosen, small_ovm

FAST = candidate(90.0, 9e5, 2.0, variants=("q-link.direct", "protocol.bb84"))
CHEAP = candidate(20.0, 1e5, 2.0, variants=("q-link.direct", "protocol.decoy-bb84"))
SAFE = candidate(30.0, 9e5, 5.0, variants=("q-link.repeater", "protocol.bb84"))
BEATEN = candidate(45.0, 9e5, 2.0, variants=("q-link.direct", "protocol.mdi"))
SLOW = candidate(5.0, 1e5, 5.0, variants=("q-link.direct", "protocol.cow"))
NOWHERE = impossible("no light", "q-link.untrusted-centre", "protocol.bb84")
ALL = (BEATEN, FAST, NOWHERE, CHEAP, SLOW, SAFE)


def explored(*candidates: Candidate) -> Exploration:
    return explore(objectives(), candidates)


def test_the_front_is_what_nothing_beats_best_in_the_first_objective_first() -> None:
    found = explored(*ALL)
    assert [point.candidates for point in found.front] == [(FAST,), (SAFE,), (CHEAP,)]
    assert found.is_met
    assert [point.missed for point in found.front] == [()] * 3


def test_everything_outside_says_why() -> None:
    found = explored(*ALL)
    assert found.judgement(NOWHERE).fate is Fate.IMPOSSIBLE
    assert found.judgement(NOWHERE).why_not == "no light"
    slow = found.judgement(SLOW)
    assert (slow.fate, [each.need.measure for each in slow.missed]) == (Fate.REJECTED, ["key-rate"])
    beaten = found.judgement(BEATEN)
    assert (beaten.fate, beaten.place) == (Fate.DOMINATED, 0)
    assert [str(gap) for gap in beaten.gaps] == ["key-rate: 45 bit/s instead of 90 bit/s, by 50 %"]
    assert (found.judgement(CHEAP).fate, found.judgement(CHEAP).place) == (Fate.FRONT, 2)


def test_a_level_is_behind_without_a_distance() -> None:
    (gap,) = explored(SAFE, candidate(30.0, 9e5, 2.0)).judgement(candidate(30.0, 9e5, 2.0)).gaps
    assert str(gap) == "security: trusted-relays instead of end-to-end"


def test_where_nothing_meets_all_musts_the_front_is_of_what_can_be_built() -> None:
    worse = candidate(4.0, 2e6, 2.0)
    found = explored(worse, SLOW, NOWHERE)
    assert not found.is_met
    assert [point.candidates for point in found.front] == [(SLOW,)]
    assert [each.need.measure for each in found.front[0].missed] == ["key-rate"]
    assert found.judgement(worse).fate is Fate.DOMINATED
    assert explored(NOWHERE).front == ()
    assert explored().front == ()


def test_equal_figures_are_one_point_unless_they_miss_different_needs() -> None:
    twin = replace(FAST, proposal=replace(FAST.proposal, configuration=chosen("protocol.e91")))
    (point,) = explored(FAST, twin).front
    assert point.candidates == (FAST, twin)
    subject = replace(SUBJECT, needs=(*SUBJECT.needs, *(need(each, 1.0) for each in ("reach", "readiness"))))
    wishes = tuple(need(each, 1.0, priority=Priority.COULD) for each in ("links-survived",))
    subject = replace(subject, needs=(*subject.needs, *wishes))
    near = candidate(90.0, 9e5, 2.0, 1.0, 1.0, 0.0, subject=subject)
    far = candidate(90.0, 9e5, 2.0, 1.0, 1.0, 1.0, subject=subject)
    # The sixth need is no objective, and all the same it is not for us to forget.
    assert len(explore(objectives(subject), (near, far)).front) == 2


VALUES = st.tuples(st.integers(10, 14), st.integers(1, 5), st.integers(2, 5))


@given(st.lists(VALUES, max_size=12))
def test_the_front_is_that_of_brute_force(values: list[tuple[int, int, int]]) -> None:
    candidates = [candidate(float(rate), cost * 1e5, float(level)) for rate, cost, level in values]

    def is_beaten(own: tuple[int, int, int]) -> bool:
        return any(
            other != own and other[0] >= own[0] and other[1] <= own[1] and other[2] >= own[2] for other in values
        )

    found = explored(*candidates)
    front = {point.values for point in found.front}
    assert front == {(float(each[0]), each[1] * 1e5, float(each[2])) for each in values if not is_beaten(each)}
    for own, each in zip(values, candidates, strict=True):
        judgement = found.judgement(each)
        assert (judgement.fate is Fate.DOMINATED) == is_beaten(own)
        assert bool(judgement.gaps) == is_beaten(own)


def test_groups_hold_all_that_is_not_in_the_front() -> None:
    other = impossible("no light", "q-link.untrusted-centre", "protocol.cow")
    groups = [(judgement.fate, group) for judgement, group in explored(*ALL, other).groups()]
    assert groups == [
        (Fate.DOMINATED, (BEATEN,)),
        (Fate.IMPOSSIBLE, (NOWHERE, other)),
        (Fate.REJECTED, (SLOW,)),
    ]


# --- neighbours -----------------------------------------------------------------------------------------------------


def test_neighbours_differ_in_one_variation_point() -> None:
    found = explored(*ALL)
    first = found.front[0]
    neighbours = found.neighbours(first, small_ovm())
    assert [(each.point, each.instead, each.judgement.fate) for each in neighbours] == [
        ("protocol", ("protocol.mdi",), Fate.DOMINATED),
        ("q-link", ("q-link.untrusted-centre",), Fate.IMPOSSIBLE),
        ("protocol", ("protocol.decoy-bb84",), Fate.FRONT),
        ("protocol", ("protocol.cow",), Fate.REJECTED),
        ("q-link", ("q-link.repeater",), Fate.FRONT),
    ]


def test_the_point_that_one_stands_beside_is_named_first() -> None:
    both = candidate(15.0, 9e5, 2.0, variants=("q-link.repeater", "protocol.mdi"))
    found = explored(FAST, SAFE, CHEAP, both)
    assert found.judgement(both).place == 0
    (beside,) = (each for each in found.neighbours(found.front[1], small_ovm()) if each.candidate == both)
    assert (beside.point, beside.judgement.place) == ("protocol", 1)


def opened() -> Ovm:
    """Return the small OVM with channels of the sky that only the satellite opens."""
    ovm = small_ovm()
    sky = VariationPointId("free-space")
    point = VariationPoint(
        id=sky, name="sky", view=ViewKind.BLOCK, is_mandatory=False, parent=VariantId("medium.satellite")
    )
    return replace(ovm, points={**ovm.points, sky: point})


def test_what_a_variant_opens_is_part_of_its_choice() -> None:
    ground = candidate(90.0, 9e5, 2.0, variants=("medium.terrestrial",))
    sky = candidate(20.0, 9e5, 2.0, variants=("medium.satellite", "free-space.single"))
    found = explored(ground, sky)
    (neighbour,) = found.neighbours(found.front[0], opened())
    assert (neighbour.point, neighbour.instead) == ("medium", ("medium.satellite",))
    assert found.neighbours(found.front[0], small_ovm()) == ()


# --- regret ---------------------------------------------------------------------------------------------------------


def test_regret_is_what_the_best_of_the_front_serves_more_once_demand_is_known() -> None:
    # 12 of 10 bit/s is 1.2 of the demand: at half of it and at all of it nothing is missed, at 1.5 there is 0.8.
    wide, narrow = candidate(12.0, 9e5, 2.0), candidate(10.5, 1e5, 2.0)
    first, second = explored(wide, narrow).front
    assert first.regrets == (0.0, 0.0, 0.0)
    assert list(second.regrets) == pytest.approx([0.0, 0.0, 0.8 - 0.7])
    assert second.regret == pytest.approx(0.1)


def test_nobody_regrets_anything_where_no_key_is_asked_for() -> None:
    subject = case(line("a--b", 10.0), needs=(need("cost", 1e6), need("security", 2.0), need("reach", 1.0)))
    (point,) = explore(objectives(subject), (candidate(1e5, 2.0, 10.0, subject=subject),)).front
    assert (point.regrets, point.regret) == ((), None)


# --- from configurations --------------------------------------------------------------------------------------------


def test_candidates_of_a_widened_case_are_judged_by_the_case_itself() -> None:
    subject = case(line("a--b", 40.0, relays="Telco"), needs=(need("key-rate", 1e5), need("third-party-relays", 0.0)))
    strict, wide = (
        candidate_of(Judging(subject.needs, Layouts(each, small_ovm(), SHELF)), chosen(*RELAYED), objectives(subject))
        for each in (subject, widened(subject))
    )
    assert strict.values[:2] != wide.values[:2]
    assert [each.need for each in wide.proposal.verdicts] == list(subject.needs)
    assert not wide.proposal.is_acceptable
    assert [each.need.measure for each in wide.missed] == ["third-party-relays"]


def test_what_cannot_be_laid_out_has_no_figures() -> None:
    subject = case(line("a--b", 500.0))
    judging = Judging(subject.needs, Layouts(subject, small_ovm(), SHELF))
    found = candidate_of(judging, chosen("protocol.bb84", "q-link.direct", *GROUND), objectives())
    assert (found.values, found.proposal.plan) == ((), None)
    assert found.proposal.why_not


def test_networks_that_are_equal_are_run_once() -> None:
    subject = case(line("a--b", 15.0, relays="Telco"), sites=APART, satellites=(LEO,), needs=(need("key-rate", 1.0),))
    judging = Judging(subject.needs, Layouts(subject, small_ovm(), SHELF))
    direct = ("protocol.decoy-bb84", "q-link.direct")
    both = [(*direct, *GROUND), (*direct, *GROUND, "hybrid.ml-kem"), (*direct, *SKY)]
    figures = objectives(subject)
    found = explore(figures, (candidate_of(judging, chosen(*each), figures) for each in both))
    assert len(found.front[0].candidates) == 2
