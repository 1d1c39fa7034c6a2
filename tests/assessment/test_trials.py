"""Which trials needs ask for, what fails in them, and what they say of a need."""

from __future__ import annotations

from math import inf

import pytest

from keytwin.assessment.assess import Assessed, Options, assess
from keytwin.assessment.trials import CALM, Tried, asked_under, conditions_of, measured, trial_name, tried
from keytwin.design.need import Condition, Failure, Need, NeedId, Priority
from keytwin.vocabulary.identity import AppId, ElementName
from keytwin.vocabulary.timeline import AttackLink, CutLink, StopElement
from tests.assessment.needs import TWO_LINES, case_of, with_

BY_TWO_RELAYS = """\
  - head -- middle: {length: 20 km}
  - middle -- vault: {length: 20 km}
  - head -- other: {length: 30 km}
  - other -- vault: {length: 30 km}
"""
RELAYED = with_(
    TWO_LINES,
    ("  vault: {}\n", "  vault: {}\n  middle: {endpoint: no}\n  other: {endpoint: no}\n"),
    (
        "  - head -- vault/north: {length: 20 km}\n  - head -- vault/south: {length: 30 km}\n",
        BY_TWO_RELAYS,
    ),
)


def a_need(measure: str, threshold: float = 1.0, under: Condition | None = None) -> Need:
    return Need(
        id=NeedId("N"), text="", priority=Priority.MUST, measure=measure, threshold=threshold, written="", under=under
    )


@pytest.fixture(scope="module")
def relayed() -> Assessed:
    return assess(case_of(RELAYED), Options(is_tried=False))


def actions(found: Tried) -> list[object]:
    kinds = (CutLink, AttackLink, StopElement)
    return [step.action for step in found.trial.scenario.steps if isinstance(step.action, kinds)]


def test_needs_that_only_analysis_can_tell_ask_for_no_trial() -> None:
    text = TWO_LINES[: TWO_LINES.index("  N1:")] + TWO_LINES[TWO_LINES.index("  N3:") : TWO_LINES.index("  N4:")]
    assert conditions_of(case_of(text)) == ()


def test_each_condition_is_tried_once() -> None:
    assert conditions_of(case_of(TWO_LINES)) == (None, Condition(Failure.CUT, 1))
    assert asked_under(a_need("restoration")) == Condition(Failure.CUT, 1)
    assert asked_under(a_need("channels-survived", 2.0)) == Condition(Failure.ATTACK, 2)
    assert asked_under(a_need("latency")) is None


def test_trials_have_names_that_can_be_files() -> None:
    assert trial_name(None) == CALM
    assert trial_name(Condition(Failure.KILL, 2)) == "kill-2-nodes"


def test_a_relay_that_is_down_is_one_that_hurts(relayed: Assessed) -> None:
    plan = relayed.plan
    assert plan is not None
    killed = tried(plan, Condition(Failure.KILL), 1)
    assert actions(killed) == [StopElement(ElementName("km/middle"))]
    assert killed.outcome.of(AppId("head-vault")).rate_after == pytest.approx(2_000, rel=0.01)


def test_an_attack_takes_every_link_of_a_channel(relayed: Assessed) -> None:
    plan = relayed.plan
    assert plan is not None
    attacked = tried(plan, Condition(Failure.ATTACK, 2), 1)
    assert len(attacked.failed) == 2
    assert len(actions(attacked)) == sum(len(plan.channels[each]) for each in attacked.failed)


def test_where_nothing_is_left_it_is_told_so() -> None:
    one = with_(TWO_LINES, ("  - head -- vault/south: {length: 30 km}\n", ""))
    case = case_of(one)
    plan = assess(case, Options(is_tried=False)).plan
    assert plan is not None
    cut = tried(plan, Condition(Failure.CUT), 1)
    pairs = plan.pairs
    rate = measured(a_need("key-rate", under=Condition(Failure.CUT)), pairs, (cut,))
    back = measured(a_need("restoration"), pairs, (cut,))
    survived = measured(a_need("channels-survived"), pairs, (tried(plan, Condition(Failure.ATTACK), 1),))
    assert rate is not None
    assert back is not None
    assert survived is not None
    assert rate[0].value == 0
    assert (back[0].value, back[0].remark) == (inf, "no key came any more")
    assert (survived[0].value, survived[0].culprits) == (0, ("head-vault",))
    assert survived[0].remark == "no key came while head--vault/north was attacked"


def test_what_no_trial_was_made_for_is_not_told() -> None:
    assert measured(a_need("latency"), (), ()) is None
    assert measured(a_need("security"), (), ()) is None


def test_equal_seeds_give_equal_traces(relayed: Assessed) -> None:
    plan = relayed.plan
    assert plan is not None
    first, again, other = (tried(plan, None, seed).trace for seed in (3, 3, 4))
    assert first == again != other
