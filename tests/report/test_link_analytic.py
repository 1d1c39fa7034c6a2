"""What endless blocks give, asked for from Python: arrays in, arrays out, and mistakes that help."""

from __future__ import annotations

import numpy as np
import pytest

import keytwin
from keytwin.quantum.analytic import AnalyticRate
from keytwin.quantum.decoy_asymptotic import Asymptotic
from keytwin.report.link import link_rate
from keytwin.report.link_analytic import analytic_rates, endless_rates
from keytwin.report.link_limits import axis_of
from keytwin.report.link_subject import subjects
from keytwin.vocabulary.errors import Mistake


def test_rates_have_the_shape_of_the_losses() -> None:
    losses = np.array([[0.0, 5.0], [10.0, 40.0]])
    found = analytic_rates("generic-decoy-bb84", losses)
    assert found.rate_per_pulse is not None
    assert found.rate_per_pulse.shape == found.rate_per_second.shape == (2, 2)
    assert (found.rate_per_second == found.rate_per_pulse * 1e9).all()
    assert float(analytic_rates("generic-decoy-bb84", 5.0).rate_per_second) == pytest.approx(
        found.rate_per_second[0, 1]
    )


def test_it_is_the_formula_of_the_paper_where_that_holds() -> None:
    """GYS without afterpulses and dead time, over 20 dB, less the vacuum term that the paper leaves out."""
    settings = {
        "detection_efficiency": "4.5 %",
        "dark_count": "8.5e-7",
        "misalignment": "3.3 %",
        "afterpulse": "0",
        "dead_time": "0 ns",
        "reconciliation": "1.22",
    }
    found = analytic_rates("generic-decoy-bb84", [0.0, 10.0, 20.0], settings=settings)
    paper = Asymptotic(0.045 * 10 ** -np.array([0.0, 1.0, 2.0]), 1.7e-6, 0.033, 1.22, sifting=1.0)
    assert found.rate_per_pulse == pytest.approx(paper.rate(0.4789), rel=0.03)


def test_a_link_of_a_network_has_its_own_light_and_settings() -> None:
    dark = analytic_rates("star6", [4.0], "km0--km1").rate_per_second
    lit = analytic_rates("star6", [4.0], "km0--km1", settings={"copropagating": "4", "power": "10 uW"}).rate_per_second
    assert 0 < float(lit[0]) < float(dark[0])
    (finite,) = link_rate("star6", "km0--km1")
    assert finite.loss == 4.0
    assert finite.rate_per_second < float(dark[0])


def test_a_repeater_knows_how_long_its_way_is() -> None:
    """At the same loss, a longer way makes attempts rarer."""
    near, far = (
        analytic_rates("two-segment-repeater", [10.0], settings={"attenuation": each}).rate_per_second
        for each in ("0.4 dB/km", "0.2 dB/km")
    )
    assert float(near[0]) > float(far[0]) > 0


@pytest.mark.parametrize(
    ("what", "losses", "told"),
    [
        ("star6", [1.0], "star6 has 6 links: name one, such as km0--km1"),
        ("generic-decoy-bb84", [-1.0], "losses must not be negative"),
        ("generic-decoy-bb84", [float("nan")], "losses must not be negative"),
        ("empirical-black-box", [1.0], "protocol empirical has no formula: its rate was measured"),
    ],
)
def test_what_cannot_be_answered_is_a_mistake(what: str, losses: list[float], told: str) -> None:
    with pytest.raises(Mistake, match=told):
        analytic_rates(what, losses)


def test_an_impossible_device_is_a_mistake_here_too() -> None:
    with pytest.raises(Mistake, match="reconciliation below 1"):
        analytic_rates("generic-decoy-bb84", [1.0], settings={"reconciliation": "0.5"})
    with pytest.raises(Mistake, match="cannot use 'satellite'"):
        analytic_rates("generic-mdi", [1.0], settings={"medium": "satellite"})


def test_links_of_one_device_are_told_together() -> None:
    (subject,) = subjects("generic-dps", None, {"length": "50 km"})
    axis = axis_of(subject)
    assert axis is not None
    found = endless_rates(axis.at(length) for length in (0.0, 50.0))
    assert found is not None
    assert found.rate_per_second == pytest.approx(analytic_rates("generic-dps", [0.0, 10.0]).rate_per_second)
    assert endless_rates(subjects("empirical-black-box")) is None


def test_the_function_is_public() -> None:
    assert keytwin.analytic_rates("generic-dps", 3.0) == analytic_rates("generic-dps", 3.0)
    assert isinstance(keytwin.analytic_rates("generic-dps", 3.0), AnalyticRate)
