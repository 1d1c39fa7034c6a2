"""What limits a link: one ideal thing at a time, the reach, and the curve over distance."""

from __future__ import annotations

import pytest

from keytwin.report.link import link_rate
from keytwin.report.link_limits import FARTHEST_DECIBELS, POINTS, Explanation, axis_of, explain_link
from keytwin.report.link_subject import subjects
from keytwin.vocabulary.errors import Mistake


@pytest.fixture(scope="module")
def dps() -> Explanation:
    return explain_link("generic-dps", settings={"length": "50 km"})


def test_each_limit_is_the_rate_with_that_thing_ideal(dps: Explanation) -> None:
    (ideal,) = link_rate("generic-dps", settings={"length": "50 km", "misalignment": "0"})
    (limit,) = (each for each in dps.limits if each.what == "misalignment")
    assert limit.rate_per_second == ideal.rate_per_second
    assert limit.gain == pytest.approx(ideal.rate_per_second / dps.rate.rate_per_second)
    assert limit.ideal == "misalignment = 0"


def test_limits_are_sorted_and_nothing_ideal_costs_key(dps: Explanation) -> None:
    gains = [each.gain or 0.0 for each in dps.limits]
    assert gains == sorted(gains, reverse=True)
    assert min(gains) > 0.99
    assert {"loss of the channel", "dark counts", "misalignment", "block size"} <= {each.what for each in dps.limits}


def test_what_is_ideal_already_limits_nothing() -> None:
    found = explain_link("generic-dps", settings={"loss": "0 dB", "dark_count": "0", "misalignment": "0"})
    assert not {"loss of the channel", "dark counts", "misalignment"} & {each.what for each in found.limits}


@pytest.mark.slow
def test_an_ideal_that_the_model_does_not_allow_is_told_so() -> None:
    found = explain_link("generic-gg02-homodyne", settings={"loss": "2 dB"})
    (limit,) = (each for each in found.limits if each.what == "error correction")
    assert (limit.rate_per_second, limit.gain) == (None, None)
    assert found.limits[-1] == limit


def test_foreign_light_is_a_limit_where_there_is_some() -> None:
    settings = {"length": "20 km", "copropagating": "2", "power": "10 uW"}
    found = explain_link("generic-single-photon-bb84", settings=settings)
    (limit,) = (each for each in found.limits if each.what == "foreign light")
    (dark,) = link_rate("generic-single-photon-bb84", settings={"length": "20 km"})
    assert limit.rate_per_second == dark.rate_per_second
    assert limit.gain is not None
    assert limit.gain > 1


def test_the_reach_is_where_key_ends(dps: Explanation) -> None:
    assert dps.unit == "km"
    assert dps.reach is not None
    assert link_rate("generic-dps", settings={"length": f"{dps.reach} km"})
    with pytest.raises(Mistake, match="gives no key"):
        link_rate("generic-dps", settings={"length": f"{dps.reach * 1.04} km"})


def test_the_curve_leads_from_nothing_to_the_reach_and_falls(dps: Explanation) -> None:
    assert len(dps.curve) == len(dps.places) == POINTS
    assert (dps.places[0], dps.places[-1]) == (0.0, dps.reach)
    rates = [each.rate_per_second for each in dps.curve]
    assert rates == sorted(rates, reverse=True)
    assert [each.length for each in dps.curve] == list(dps.places)


def test_a_measured_loss_is_looked_along_in_decibels() -> None:
    found = explain_link("generic-dps", settings={"loss": "10 dB"})
    assert (found.unit, found.places[0]) == ("dB", 0.0)
    assert found.reach is not None
    assert 38 < found.reach < FARTHEST_DECIBELS


def test_where_the_loss_says_nothing_there_is_no_distance() -> None:
    (subject,) = subjects("empirical-black-box")
    assert axis_of(subject) is None


def test_a_black_box_is_limited_by_nothing_that_is_known() -> None:
    found = explain_link("empirical-black-box")
    assert (found.unit, found.reach, found.curve) == ("", None, ())
    assert {each.gain for each in found.limits} <= {1.0}


def test_the_block_of_a_satellite_is_its_pass() -> None:
    found = explain_link("micius", "nanshan--micius")
    assert (found.along, found.unit, found.here) == ("slant range at culmination", "km", 645.0)
    assert found.reach is not None
    assert (found.places[0], found.places[-1]) == (500.0, found.reach)
    assert 1_150 < found.reach < 0.99 * 1_200, "a pass that only just clears the edge is too short"
    rates = [each.rate_per_second for each in found.curve]
    assert rates == sorted(rates, reverse=True), "a lower pass gives less"
    assert len(found.endless) == len(rates)
    assert {"block size", "loss of the channel"} & {each.what for each in found.limits} == set()
    assert {"foreign light", "dark counts"} <= {each.what for each in found.limits}


def test_one_link_is_explained_at_a_time() -> None:
    with pytest.raises(Mistake, match=r"star6 has 6 links: name one, such as km0--km1"):
        explain_link("star6")
