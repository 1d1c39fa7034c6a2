"""Needs in numbers: measures, thresholds, conditions, and the pairs that a need is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.measures import NO_YARDSTICK, find_out
from keytwin.design.model import Method
from keytwin.design.need import (
    MEASURES,
    MOST_FAILURES,
    Condition,
    Failure,
    Line,
    Need,
    NeedId,
    Priority,
    Security,
    Sense,
    Site,
    parse_condition,
    parse_money,
    parse_security,
    parse_supply,
    parse_threshold,
)
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.units import QUANTITIES, Decibels, DecibelsPerKilometre, Kilometres
from tests.design.cases import case, line, need
from tests.design.plans import plan

A, B, C = (NodeId(name) for name in "abc")

# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_says_what_it_is_how_it_is_found_and_in_which_quantity(name: str) -> None:
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.about
    assert measure.methods
    assert measure.quantity in {*QUANTITIES, "count", "money", "level"}


@pytest.mark.parametrize("name", MEASURES)
def test_what_can_be_found_without_a_run_says_so(name: str) -> None:
    subject = plan({"a--b": 10.0}, {"a--b": 4.0}, distances={"a--b": 1.0})
    found = find_out(subject, _need(name), subject.pairs, NO_YARDSTICK)
    if found is not None:
        assert found.method in MEASURES[name].methods
    elif MEASURES[name].methods != (Method.TEST,):
        assert name in {"cost", "consistency"}  # which need a cost book, and views


def test_less_is_better_only_where_something_is_spent_waited_for_or_risked() -> None:
    small = {name for name, measure in MEASURES.items() if measure.sense is Sense.AT_MOST}
    assert small == {
        *("latency", "set-up-time", "restoration", "own-relays", "third-party-relays"),
        *("compromise", "cost", "consistency"),
    }


def test_measures_of_the_whole_are_few() -> None:
    assert {name for name, measure in MEASURES.items() if not measure.is_of_pairs} == {
        *("headroom", "cost", "readiness", "consistency"),
    }


def _need(measure: str) -> Need:
    return Need(id=NeedId("N"), text="", priority=Priority.MUST, measure=measure)


# --- thresholds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 kbit/s", 2_000.0),
        ("256 bit every 1 min", 256 / 60),
        ("50 GB every 1 d", 50e9 * 8 / 86_400),
        ("1 Mbit every 100 ms", 1e7),
    ],
)
def test_a_supply_is_a_rate_or_so_much_every_so_often(text: str, value: float) -> None:
    assert parse_supply(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "2", "2 km", "256 bit every", "every 1 min", "256 bit every 1 km", "-1 bit/s"])
def test_what_is_no_supply_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        parse_supply(text)


def test_a_period_of_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(Mistake, match="a period of nothing would be endless key: write such as '256 bit every 1 min'"):
        parse_supply("256 bit every 0 s")


@pytest.mark.parametrize(("text", "value"), [("1.5 MEUR", 1.5e6), ("300 kEUR", 3e5), ("0 EUR", 0.0), (" 2  EUR ", 2.0)])
def test_money_is_in_euros(text: str, value: float) -> None:
    assert parse_money(text) == value


@pytest.mark.parametrize("text", ["", "5", "5 USD", "-5 EUR", "much EUR", "5EUR", "nan EUR", "inf EUR", "1e99 EUR"])
def test_what_is_no_money_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(Mistake, match="write a number and one of EUR, kEUR, MEUR, as in"):
        parse_money(text)


@pytest.mark.parametrize("level", Security)
def test_a_level_of_security_is_its_place_in_the_order(level: Security) -> None:
    assert parse_security(f" {level} ") is level
    assert parse_threshold(MEASURES["security"], level) == list(Security).index(level)


@given(st.sampled_from(Security), st.sampled_from(Security), st.sampled_from(Security))
def test_levels_of_security_are_a_total_order(first: Security, second: Security, third: Security) -> None:
    assert first.reaches(second) or second.reaches(first)
    if first.reaches(second) and second.reaches(third):
        assert first.reaches(third)
    if first.reaches(second) and second.reaches(first):
        assert first is second


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [("latency", "5 ms", 5e6), ("availability", "99.9 %", 0.999), ("reach", "923 km", 923.0), ("readiness", "7", 7.0)],
)
def test_thresholds_are_in_the_base_unit_of_their_quantity(measure: str, text: str, value: float) -> None:
    assert parse_threshold(MEASURES[measure], text) == pytest.approx(value)


# --- conditions -------------------------------------------------------------------------------------------------------


@given(st.builds(Condition, st.sampled_from(Failure), st.integers(1, MOST_FAILURES)))
def test_a_condition_reads_back_as_it_is_written(condition: Condition) -> None:
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize("text", ["cut(1 link)", " cut ( 1  link ) ", "cut(1 links)"])
def test_spacing_and_plural_do_not_matter(text: str) -> None:
    assert parse_condition(text) == Condition(Failure.CUT, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cut", "is no condition"),
        ("cut 1 link", "is no condition"),
        ("cut(1 link", "is no condition"),
        ("rain(1 day)", "is no condition"),
        ("cut(1 node)", "cut is said of a link"),
        ("kill(1 link)", "kill is said of a node"),
        ("cut(link)", "cut is said of a link"),
        ("cut(0 links)", "write a number of links from 1 to 8"),
        ("cut(9 links)", "write a number of links from 1 to 8"),
        ("cut(two links)", "write a number of links from 1 to 8"),
        ("cut(\u0663 links)", "write a number of links from 1 to 8"),
    ],
)
def test_what_is_no_condition_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(Mistake) as caught:
        parse_condition(text)
    assert told in str(caught.value)


# --- cases ------------------------------------------------------------------------------------------------------------


def test_a_need_is_about_its_pairs_or_about_all_ends() -> None:
    subject = case(
        line("a--b", 1.0),
        line("b--c", 1.0),
        needs=(need("key-rate", 1.0), need("latency", 1.0, "c--a")),
        sites=(Site(B, is_endpoint=False),),
    )
    every, one = subject.needs
    assert subject.pairs(every) == ((A, C),)
    assert subject.pairs(one) == ((C, A),)


def test_a_site_is_found_by_name_or_not_at_all() -> None:
    subject = case(line("a--b", 1.0))
    assert subject.site(A).is_own
    assert not Site(A, owner="Telco").is_own
    with pytest.raises(KeyError):
        subject.site(C)


@given(st.floats(0.0, 1_000.0), st.floats(0.0, 2.0), st.floats(0.0, 10.0))
def test_a_line_loses_by_length_and_once_at_its_connectors(length: float, attenuation: float, extra: float) -> None:
    subject = Line((A, B), "", Kilometres(length), DecibelsPerKilometre(attenuation), Decibels(extra))
    assert subject.loss == pytest.approx(length * attenuation + extra)
    assert subject.channel == "a--b"
