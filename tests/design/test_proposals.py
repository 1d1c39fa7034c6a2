"""Every configuration that could meet a case, judged; and what stands in the way where none does."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from types import MappingProxyType

import pytest

from keytwin.design.derivation import Derived, Stance, Wish, derive
from keytwin.design.measures import Found
from keytwin.design.model import Method, RuleId
from keytwin.design.need import Case, Condition, Failure, Need, NeedId, Priority
from keytwin.design.ovm_features import chosen_features, features_of
from keytwin.design.proposals import Proposal, clash_of, configurations, front, propose
from keytwin.design.variability import Configuration
from keytwin.design.verdict import Outcome, judge
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.identity import VariantId, VariationPointId
from tests.design.cases import APART, GROUND, LEO, SHELF, case, line, need, plan
from tests.fakes.rates import REACH

QKD = library_ovm("qkd")
HELP_ON_THE_WAY = {"q-link.trusted-relay", "q-link.repeater", "q-link.untrusted-centre", "medium.satellite"}
CASE_STUDY = {
    "protocol.bb84",
    "q-link.repeater",
    "medium.terrestrial",
    "medium.satellite",
    "terrestrial.fibre",
    "free-space.single",
}


SOME_PLAN = plan(case(line("a--b", 10.0)), "protocol.decoy-bb84", "q-link.direct", *GROUND)


def derived(subject: Case) -> Derived:
    return derive(subject, QKD, lambda loss: loss <= REACH)


def proposed(subject: Case) -> tuple[Proposal, ...]:
    return propose(subject, QKD, derived(subject), SHELF)


def wish(stance: Stance, *variants: str) -> Wish:
    return Wish(stance, tuple(map(VariantId, variants)), RuleId("test"), f"{stance} {' '.join(variants)}")


def long_range() -> Case:
    subject = case(
        line("a--b", 90.0),
        sites=APART,
        satellites=(LEO,),
        needs=(
            need("key-rate", 10.0),
            replace(need("key-rate", 5.0), id=NeedId("N-attack"), under=Condition(Failure.ATTACK, 1)),
        ),
    )
    chosen = {"protocol": ("bb84",), "q-link": ("repeater",), "medium": ("terrestrial", "satellite")}
    choose = {
        VariationPointId(point): tuple(VariantId(f"{point}.{word}") for word in words)
        for point, words in chosen.items()
    }
    return replace(subject, choose=MappingProxyType(choose))


def test_the_selection_of_the_case_study_is_what_its_choices_leave() -> None:
    (found,) = configurations(QKD, derived(long_range()))
    assert set(found.chosen) >= CASE_STUDY
    assert {each.partition(".")[0] for each in set(found.chosen) - CASE_STUDY} == {"redundancy"}


def test_every_configuration_given_is_valid_and_meets_the_wishes() -> None:
    subject = case(line("a--b", 150.0, relays=""), sites=APART, satellites=(LEO,))
    model = features_of(QKD)
    found = list(configurations(QKD, derived(subject)))
    assert len(found) == len(set(found)) > 10
    for each in found:
        assert model.is_valid(chosen_features(QKD, each))
        assert {"q-link.trusted-relay", "q-link.repeater", "q-link.untrusted-centre", "medium.satellite"} & set(
            each.chosen
        )
        assert "free-space.constellation" not in each.chosen


def test_acceptable_proposals_come_first_and_others_say_why_not() -> None:
    subject = case(line("a--b", 150.0, relays=""))
    found = proposed(subject)
    assert found[0].is_acceptable
    assert [each.is_acceptable for each in found] == sorted((each.is_acceptable for each in found), reverse=True)
    relayed = next(each for each in found if "q-link.trusted-relay" in each.configuration.chosen)
    assert relayed.plan is not None
    assert relayed.verdicts[0].outcome is Outcome.MET
    repeater = next(each for each in found if "q-link.repeater" in each.configuration.chosen)
    assert (repeater.plan, repeater.why_not) == (None, "no key at 30.0 dB: it reaches 20 dB")
    assert not repeater.is_acceptable


def test_a_must_that_is_missed_rejects_and_a_should_does_not() -> None:
    hard = case(line("a--b", 50.0), needs=(need("key-rate", 1e7),))
    assert not any(each.is_acceptable for each in proposed(hard))
    wished = case(line("a--b", 50.0), needs=(need("key-rate", 1e7, priority=Priority.SHOULD),))
    assert any(each.is_acceptable for each in proposed(wished))


def test_wishes_that_clash_are_told_with_the_least_to_give_up() -> None:
    wishes = (
        wish(Stance.TAKE, "protocol.twin-field"),
        wish(Stance.TAKE, "medium.satellite"),
        wish(Stance.LEAVE, "q-link.direct"),
        wish(Stance.LEAVE, "q-link.untrusted-centre"),
    )
    clash = clash_of(QKD, Derived(wishes, 1))
    assert clash is not None
    twin, sky, _, centre = wishes
    assert set(clash.conflicts) == {(twin, sky), (twin, centre)}
    assert set(clash.repairs) == {(twin,), (sky, centre)}
    assert list(configurations(QKD, Derived(wishes, 1))) == []
    assert clash_of(QKD, Derived(wishes[1:], 1)) is None
    assert clash_of(QKD, Derived((), 1)) is None


def proposal(name: str, *values: float) -> Proposal:
    needs = [
        need("key-rate", 1.0),
        need("latency", 1e12),
        Need(id=NeedId("soft"), text="", priority=Priority.MUST, measure=""),
    ]
    verdicts = tuple(
        judge(each, Found(value, Method.ANALYSIS) if each.measure else None)
        for each, value in zip(needs, (*values, 0.0), strict=True)
    )
    return Proposal(Configuration("qkd", (VariantId(name),)), SOME_PLAN, verdicts=verdicts)


def test_the_front_holds_what_nothing_beats_in_every_respect() -> None:
    fast, quick, both, worse = (
        proposal("x.fast", 9.0, 5e9),
        proposal("x.quick", 5.0, 1e9),
        proposal("x.both", 7.0, 3e9),
        proposal("x.worse", 6.0, 4e9),
    )
    assert front([fast, worse, quick, both]) == (fast, quick, both)
    missed = proposal("x.missed", 0.5, 1.0)
    assert front([missed]) == ()
    assert front([fast, proposal("x.twin", 9.0, 5e9)]) == (fast, proposal("x.twin", 9.0, 5e9))


@pytest.mark.parametrize("value", [inf, 9.0])
def test_a_value_without_limit_beats_a_number(value: float) -> None:
    free, plain = proposal("x.free", inf, 1e9), proposal("x.plain", value, 2e9)
    assert front([free, plain]) == (free,)
