"""Verdicts: which side of the threshold is good, how far it is, and what cannot be told."""

from __future__ import annotations

from math import inf

import pytest

from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import MEASURES, Need, NeedId, Priority
from keytwin.design.verdict import Outcome, Verdict, judge, show_value


def verdict(
    measure: str, threshold: float, value: float, best: float | None = None, priority: Priority = Priority.MUST
) -> Verdict:
    need = Need(id=NeedId("N"), text="", priority=priority, measure=measure, threshold=threshold)
    return judge(need, Found(value, Method.ANALYSIS, best=best))


@pytest.mark.parametrize(
    ("measure", "threshold", "value", "outcome", "margin"),
    [
        ("key-rate", 2_000.0, 3_000.0, Outcome.MET, 0.5),
        ("key-rate", 2_000.0, 1_000.0, Outcome.MISSED, -0.5),
        ("key-rate", 2_000.0, 2_000.0 * (1 - 1e-12), Outcome.MET, 0.0),
        ("latency", 4e9, 1e9, Outcome.MET, 0.75),
        ("latency", 4e9, 5e9, Outcome.MISSED, -0.25),
        ("nodes-survived", 1.0, inf, Outcome.MET, inf),
        ("third-party-relays", 0.0, 0.0, Outcome.MET, None),
        ("third-party-relays", 0.0, 2.0, Outcome.MISSED, None),
        ("security", 3.0, 2.0, Outcome.MISSED, None),
    ],
)
def test_a_threshold_has_a_good_side(
    measure: str, threshold: float, value: float, outcome: Outcome, margin: float | None
) -> None:
    found = verdict(measure, threshold, value)
    assert found.outcome is outcome
    assert found.margin == (None if margin is None else pytest.approx(margin, abs=1e-9))
    assert found.rejects == (outcome is Outcome.MISSED)


def test_a_range_around_the_threshold_stays_open() -> None:
    assert verdict("cost", 1.5e6, 2e6, best=1e6).outcome is Outcome.OPEN
    assert verdict("cost", 1.5e6, 1.4e6, best=1e6).outcome is Outcome.MET
    missed = verdict("cost", 1.5e6, 3e6, best=2e6)
    assert (missed.outcome, missed.rejects) == (Outcome.MISSED, True)
    assert not verdict("cost", 1.5e6, 3e6, best=2e6, priority=Priority.SHOULD).rejects


def test_what_nobody_measured_is_told_and_never_passed() -> None:
    need = Need(id=NeedId("N"), text="It must feel safe", priority=Priority.MUST, measure="")
    assert judge(need, None) == Verdict(need, Outcome.UNVERIFIABLE)
    unrun = Need(id=NeedId("N"), text="", priority=Priority.MUST, measure="latency", threshold=1.0)
    assert judge(unrun, None).outcome is Outcome.UNRUN
    assert judge(unrun, None).value == ""


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("key-rate", 2_345.6, "2.35 kbit/s"),
        ("key-rate", 4.266, "4.27 bit/s"),
        ("key-rate", 0.0, "0 bit/s"),
        ("key-rate", 123_456e9, "123,456 Gbit/s"),
        ("latency", 3.2e6, "3.2 ms"),
        ("autonomy", 86_400e9 * 2.5, "2.5 d"),
        ("cost", 1.5e6, "1.5 MEUR"),
        ("reach", 7_600.0, "7,600 km"),
        ("availability", 0.9995, "99.95 %"),
        ("availability", 0.999999, "99.9999 %"),
        ("availability", 1.0, "100 %"),
        ("availability", 0.5, "50 %"),
        ("compromise", 0.0001, "0.01 %"),
        ("security", 3.0, "hybrid"),
        ("nodes-survived", inf, "without limit"),
        ("restoration", inf, "never"),
        ("autonomy", inf, "without limit"),
        ("readiness", 5.0, "5"),
    ],
)
def test_values_are_written_for_people(measure: str, value: float, text: str) -> None:
    assert show_value(MEASURES[measure], value) == text


def test_a_verdict_says_what_was_measured_and_shows_it() -> None:
    met = verdict("key-rate", 2_000.0, 3_000.0)
    assert met.measure is MEASURES["key-rate"]
    assert met.value == "3 kbit/s"
    soft = judge(Need(id=NeedId("N"), text="", priority=Priority.MUST, measure=""), None)
    with pytest.raises(KeyError):
        _ = soft.measure
    assert soft.value == ""
    assert not soft.rejects  # nobody can say that it is missed


@pytest.mark.parametrize("priority", [Priority.SHOULD, Priority.COULD])
def test_only_a_must_rejects_a_design(priority: Priority) -> None:
    assert verdict("key-rate", 2.0, 1.0).rejects
    assert not verdict("key-rate", 2.0, 1.0, priority=priority).rejects
    assert not verdict("cost", 1.5e6, 2e6, best=1e6).rejects  # open is not missed


def test_a_range_that_is_good_at_its_bad_end_is_met_whatever_its_good_end() -> None:
    assert verdict("cost", 3.0, 2.0, best=0.0).outcome is Outcome.MET
    assert verdict("cost", 3.0, 2.0, best=2.0).outcome is Outcome.MET
    assert verdict("cost", 3.0, 4.0, best=4.0).outcome is Outcome.MISSED
