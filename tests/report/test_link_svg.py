"""The figure of a link: what is in it, where, and always the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from keytwin.report.link_limits import Explanation, explain_link
from keytwin.report.link_svg import FONT_SIZE, draw_link, link_as_svg
from keytwin.vocabulary.errors import Mistake


@pytest.fixture(scope="module")
def dps() -> Explanation:
    return explain_link("generic-dps", settings={"length": "50 km"})


@pytest.mark.slow
def test_equal_links_give_equal_bytes(dps: Explanation) -> None:
    drawn = link_as_svg(dps, "alice--bob")
    assert drawn == link_as_svg(dps, "alice--bob")
    assert b"<svg" in drawn
    assert b"<dc:date>" not in drawn


def test_axes_have_units_and_all_curves_are_there(dps: Explanation) -> None:
    rates, errors = draw_link(dps).axes
    assert (rates.get_ylabel(), errors.get_ylabel()) == ("secret key in bit/pulse", "QBER in %")
    assert errors.get_xlabel() == "length in km"
    _, labels = rates.get_legend_handles_labels()
    assert labels == ["dps", "in endless blocks", "TGW bound", "PLOB bound", "single-repeater bound", "this link"]


def test_curves_are_told_apart_without_colour(dps: Explanation) -> None:
    rates, _ = draw_link(dps).axes
    labelled = [line for line in rates.get_lines() if not str(line.get_label()).startswith("_")]
    assert len({(str(line._unscaled_dash_pattern), line.get_linewidth()) for line in labelled}) == 6  # type: ignore[attr-defined]  # no public reader
    assert len({line.get_color() for line in labelled}) == 5, "endless blocks have the colour of the protocol"


def test_letters_are_large_enough_for_half_the_size(dps: Explanation) -> None:
    assert float(draw_link(dps).axes[0].yaxis.label.get_fontsize()) / 2 >= 6
    assert FONT_SIZE / 2 >= 6


def test_the_rate_drawn_is_that_of_the_curve(dps: Explanation) -> None:
    rates, errors = draw_link(dps).axes
    assert np.asarray(rates.get_lines()[0].get_ydata()).tolist() == [each.rate_per_pulse for each in dps.curve]
    assert np.asarray(errors.get_lines()[0].get_ydata()).tolist() == [100 * each.error_rate for each in dps.curve]


def test_decibels_are_named() -> None:
    found = explain_link("generic-single-photon-bb84", settings={"loss": "5 dB"})
    assert draw_link(found).axes[1].get_xlabel() == "loss of the channel in dB"


def test_per_second_there_are_no_bounds_to_compare_with() -> None:
    found = explain_link("generic-sarg04", settings={"loss": "5 dB"})
    rates, _ = draw_link(found).axes
    assert rates.get_ylabel() == "secret key in bit/s"
    assert rates.get_legend_handles_labels()[1] == ["sarg04", "this link"]


def test_where_the_loss_is_not_chosen_nothing_can_be_drawn() -> None:
    with pytest.raises(Mistake, match="there is no distance to draw over"):
        draw_link(explain_link("empirical-black-box"))
