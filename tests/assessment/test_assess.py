"""From a need to a verdict: what is met and missed, with evidence, and the ways out where nothing fits."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keytwin.assessment.assess import Assessed, Options, assess, usual_costs
from keytwin.assessment.record import recorded
from keytwin.assessment.tracing import ties
from keytwin.design.model import Method
from keytwin.design.need import Failure
from keytwin.design.verdict import Outcome
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.key import KeyMode
from tests.assessment.needs import TWO_LINES, case_of, with_


@pytest.fixture(scope="module")
def met() -> Assessed:
    return assess(case_of(TWO_LINES))


def outcomes(assessed: Assessed) -> dict[str, Outcome]:
    return {each.verdict.need.id: each.verdict.outcome for each in assessed.judged}


def test_every_need_has_a_verdict(met: Assessed) -> None:
    expected = dict.fromkeys(("N1", "N2", "N3", "N4", "N5", "N7"), Outcome.MET) | {"N6": Outcome.UNVERIFIABLE}
    assert outcomes(met) == expected
    assert met.is_met


def test_what_a_run_can_tell_has_been_run_and_delivered_what_was_asked(met: Assessed) -> None:
    assert [each.id for each in met.tries] == ["calm", "cut-1-link"]
    by_need = {str(each.verdict.need.id): each for each in met.judged}
    for name, trial in (("N1", "calm"), ("N2", "cut-1-link"), ("N4", "cut-1-link")):
        judged = by_need[name]
        assert judged.tried is not None
        assert judged.tried.id == trial
        assert judged.measured is not None
        assert judged.measured.method is Method.TEST
    rate = by_need["N1"].measured
    assert rate is not None
    # No more than is asked for comes in a run; how much more there would be is for analysis to say.
    assert rate.value == pytest.approx(2_000, rel=0.01)
    assert by_need["N1"].verdict.found == by_need["N1"].analysed
    assert by_need["N3"].tried is None


def test_what_fails_in_a_trial_is_what_hurts_most(met: Assessed) -> None:
    tried = met.tries[1]
    assert tried.under is not None
    assert tried.under.failure is Failure.CUT
    # Of two lines the shorter gives more key.
    assert tried.failed == ("head--vault/north",)


def test_post_quantum_keys_alone_would_not_do_where_physics_is_asked_for(met: Assessed) -> None:
    baseline = {str(each.need.id): each.outcome for each in met.baseline}
    assert baseline["N1"] is Outcome.MET
    assert baseline["N3"] is Outcome.MISSED
    answer = recorded(met, TWO_LINES.encode(), usual_costs())
    assert "post-quantum key agreement alone would miss N3" in answer.summary[-1]


def test_hybrid_keys_are_taken_where_they_are_needed_and_run(met: Assessed) -> None:
    assessed = assess(case_of(with_(TWO_LINES, ("at-least: trusted-relays", "at-least: hybrid"))))
    assert assessed.taken is not None
    assert "hybrid.ml-kem" in assessed.taken.configuration.chosen
    assert outcomes(assessed) == outcomes(met)
    for tried in assessed.tries:
        network = tried.trial.scenario.blueprint
        assert {network.sla_of(app).mode for app in network.apps} == {KeyMode.HYBRID_CATKDF}
    assert [each.id for each in assessed.tries] == ["calm", "cut-1-link"]
    told = {(tie.source, tie.target) for tie in ties(assessed)}
    (promised,) = {sla.id for sla in assessed.tries[0].trial.scenario.blueprint.slas}
    chain = [("need", "N3"), ("rule", "derive-hybrid"), ("variant", "hybrid.ml-kem"), ("blueprint element", promised)]
    chain += [("running element", "sae/head.to.vault"), ("run", "calm"), ("verdict", "N1: met")]
    assert set(pairwise(chain)) <= told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("at-least: trusted-relays, priority: must", "at-least: trusted-relays, priority: should"),
            "You do not have to",
        ),
        (("at-least: trusted-relays", "at-least: post-quantum"), "You do not need QKD for this"),
    ],
)
def test_you_do_not_need_qkd_is_an_answer(change: tuple[str, str], said: str) -> None:
    text = with_(TWO_LINES, change)
    assessed = assess(case_of(text), Options(is_tried=False))
    assert recorded(assessed, text.encode(), usual_costs()).summary[-1].startswith(said)


def test_without_a_run_a_need_that_only_a_run_can_tell_waits_for_one() -> None:
    assessed = assess(case_of(TWO_LINES), Options(is_tried=False))
    assert outcomes(assessed)["N4"] is Outcome.UNRUN
    assert assessed.tries == ()


def test_a_need_that_physics_does_not_meet_is_told_with_the_least_to_give_up() -> None:
    text = with_(TWO_LINES, ("at-least: 2 kbit/s, priority: must", "at-least: 9 Mbit/s, priority: must"))
    assessed = assess(case_of(text), Options(is_tried=False))
    assert not assessed.is_met
    assert outcomes(assessed)["N1"] is Outcome.MISSED
    (change,) = assessed.relaxed[0].changes
    assert change.need.id == "N1"
    assert 0 < change.threshold < 9e6
    answer = recorded(assessed, text.encode(), usual_costs())
    assert any("The cheapest way out is to relax N1 from 9 Mbit/s to" in line for line in answer.summary)


def test_choices_that_stand_against_a_need_are_kept_and_the_need_told_as_missed() -> None:
    text = with_(
        TWO_LINES,
        ("  - head -- vault/south: {length: 30 km}\n", ""),
        ("under: cut(1 link)", "under: attack(1 channel)"),
        ("needs:", "satellites:\n  leo: {owner: Agency, passes: {first: 10 min}, apart: 1 h}\nneeds:"),
    )
    assessed = assess(case_of(text), Options(is_tried=False))
    assert outcomes(assessed)["N2"] is Outcome.MISSED
    assert {wish.rule for wish in assessed.given_up} == {"derive-channel"}
    answer = recorded(assessed, text.encode(), usual_costs())
    assert any("the second has to be in the sky" in line for line in answer.summary)


def test_choices_that_exclude_one_another_leave_nothing_and_say_why() -> None:
    text = with_(TWO_LINES, ("protocol: decoy-bb84", "protocol: twin-field"))
    assessed = assess(case_of(text), Options(is_tried=False))
    assert (assessed.taken, assessed.judged, assessed.is_met) == (None, (), False)
    answer = recorded(assessed, text.encode(), usual_costs())
    assert answer.summary[0].startswith("No design")
    assert answer.clash
    assert answer.verdicts == ()


def test_a_line_that_no_link_bridges_leaves_nothing_and_says_the_physical_reason() -> None:
    text = with_(TWO_LINES, ("length: 20 km", "length: 900 km"), ("length: 30 km", "length: 900 km"))
    assessed = assess(case_of(text), Options(is_tried=False))
    answer = recorded(assessed, text.encode(), usual_costs())
    assert assessed.plan is None
    assert any("gives no key at 180.0 dB" in line for line in answer.summary)


def test_another_proposal_can_be_taken() -> None:
    open_ = with_(TWO_LINES, ("choose: {protocol: decoy-bb84, q-link: direct, ", "choose: {q-link: direct, "))
    case = case_of(open_)
    usual = assess(case, Options(is_tried=False))
    built = [number for number, each in enumerate(usual.proposals, 1) if each.plan is not None]
    assert len(built) > 3
    for number in (built[0], built[-1]):
        assert assess(case, Options(take=number, is_tried=False)).taken == usual.proposals[number - 1]
    with pytest.raises(Mistake, match=f"there is no proposal 99: there are {len(usual.proposals)}"):
        assess(case, Options(take=99, is_tried=False))


def test_of_what_nothing_beats_the_cheapest_that_misses_fewest_is_taken() -> None:
    open_ = with_(TWO_LINES, ("choose: {protocol: decoy-bb84, q-link: direct, ", "choose: {q-link: direct, "))
    usual = assess(case_of(open_), Options(is_tried=False))
    assert usual.taken is not None
    missed = [sum(each.outcome is Outcome.MISSED for each in one.verdicts) for one in usual.proposals if one.plan]
    assert sum(each.outcome is Outcome.MISSED for each in usual.taken.verdicts) == min(missed)


def test_a_need_of_which_nothing_can_be_left_is_to_be_given_up() -> None:
    text = with_(TWO_LINES, ("under: cut(1 link)", "under: cut(2 links)"))
    assessed = assess(case_of(text), Options(is_tried=False))
    assert not assessed.is_met
    answer = recorded(assessed, text.encode(), usual_costs())
    assert "The cheapest way out is to give up N2." in answer.summary
