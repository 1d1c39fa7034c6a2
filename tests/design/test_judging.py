"""Judging many configurations, with all that is kept between them, against judging each one by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.cost import CostBook, Price
from keytwin.design.derivation import derive
from keytwin.design.measures import Yardstick, find_out
from keytwin.design.need import MEASURES, Case, Condition, Failure, Need, NeedId, Priority
from keytwin.design.proposals import Judging, Proposal, configurations
from keytwin.design.realisation import Layouts, realise
from keytwin.design.relaxation import widened
from keytwin.design.variability import Configuration
from keytwin.design.verdict import judge
from keytwin.files.ovm import library_ovm
from keytwin.vocabulary.errors import Mistake
from tests.design.cases import APART, GROUND, LEO, RELAYED, SHELF, case, line, need
from tests.design.ovms import chosen, small_ovm
from tests.fakes.rates import REACH

QKD = library_ovm("qkd")
ITEMS = ("device-pair", "ground-station", "satellite-passes", "fibre-kilometre", "relay-site", "key-manager")
BOOK = CostBook("round", "", 10, {item: Price(1e3, 2e3, "made up") for item in ITEMS})
YARDSTICK = Yardstick(BOOK)
ATTACKED = replace(need("key-rate", 5.0), id=NeedId("N-attack"), under=Condition(Failure.ATTACK, 1))
CUT = replace(need("headroom", 0.1), id=NeedId("N-cut"), under=Condition(Failure.CUT, 1))
EVERY = tuple(need(measure, 1.0) for measure in MEASURES if measure != "one-time-pad")


def by_itself(subject: Case, configuration: Configuration, needs: tuple[Need, ...]) -> Proposal:
    """Lay out and judge one configuration with nothing kept from any other."""
    try:
        plan = realise(subject, QKD, configuration, SHELF)
        verdicts = tuple(judge(each, find_out(plan, each, subject.pairs(each), YARDSTICK)) for each in needs)
    except Mistake as mistake:
        return Proposal(configuration, why_not=str(mistake))
    return Proposal(configuration, plan, verdicts=verdicts)


@pytest.mark.parametrize(
    "subject",
    [
        case(line("a--b", 60.0, relays=""), sites=APART, satellites=(LEO,), needs=(*EVERY, ATTACKED, CUT)),
        case(line("a--b", 30.0), line("b--c", 40.0, relays="Telco"), line("a--c", 20.0), needs=(*EVERY, ATTACKED, CUT)),
        case(line("a--b", 500.0), needs=EVERY),
    ],
    ids=["sky", "ring", "too-far"],
)
def test_what_is_kept_changes_no_answer(subject: Case) -> None:
    wide = widened(subject)
    every = list(configurations(QKD, derive(wide, QKD, lambda loss: loss <= REACH)))
    judging = Judging(subject.needs, Layouts(wide, QKD, SHELF), YARDSTICK)
    assert every
    for each in (*every, *reversed(every)):
        found, expected = judging.proposal(each), by_itself(wide, each, subject.needs)
        assert (found.configuration, found.why_not) == (expected.configuration, expected.why_not)
        assert found.plan == expected.plan
        assert found.verdicts == expected.verdicts


def test_needs_are_those_that_are_asked_about_and_not_those_of_the_layout() -> None:
    subject = case(line("a--b", 40.0, relays="Telco"), needs=(need("key-rate", 1e5), need("third-party-relays", 0.0)))
    judging = Judging(subject.needs, Layouts(widened(subject), small_ovm(), SHELF))
    found = judging.proposal(chosen(*RELAYED))
    assert [each.need.priority for each in found.verdicts] == [Priority.MUST] * 2
    assert not found.is_acceptable


def test_networks_share_their_verdicts_and_choices_do_not() -> None:
    subject = case(line("a--b", 40.0), needs=(need("key-rate", 1.0), need("readiness", 8.0)))
    judging = Judging(subject.needs, Layouts(subject, QKD, SHELF), YARDSTICK)
    direct = ("protocol.decoy-bb84", "q-link.direct", *GROUND)
    plain, more = (
        judging.proposal(Configuration("qkd", tuple(sorted(QKD.variants[each].id for each in variants))))  # type: ignore[index]  # names of variants
        for variants in (direct, (*direct, "free-space.geo"))
    )
    assert plain.verdicts[0] is more.verdicts[0]
    assert plain.verdicts[1] != more.verdicts[1]


def test_a_plan_chosen_otherwise_is_the_same_network() -> None:
    subject = case(line("a--b", 40.0))
    first = realise(subject, small_ovm(), chosen("protocol.decoy-bb84", "q-link.direct", *GROUND), SHELF)
    spans = first.spans
    other = first.chosen_as(chosen("protocol.cow"), {}, {}, ("Nothing",))
    assert other.blueprint is first.blueprint
    assert other.spans is spans
    assert (other.configuration, other.because, other.not_runnable) == (chosen("protocol.cow"), {}, ("Nothing",))
    assert first.configuration != other.configuration
    assert first.because
