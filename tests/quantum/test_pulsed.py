"""What devices with pulses and two detectors share on the way to a link."""

from __future__ import annotations

from math import exp

import pytest

from keytwin.quantum.pulsed import all_or_none, optics_of, pulses_of, refuse_impossible
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels, Duration, Hertz, seconds
from tests.quantum.family import NAMES, device
from tests.quantum.shipped import generic

EVERY = [generic(), *(device(name) for name in NAMES)]


@pytest.mark.parametrize("made", EVERY, ids=lambda made: str(made.name))
def test_what_is_shipped_is_possible(made: object) -> None:
    refuse_impossible(made)  # type: ignore[arg-type]  # each is a device of pulses


def test_a_block_is_clock_times_block_time() -> None:
    assert pulses_of(generic(clock=Hertz(5e8), block_time=seconds(0.5))) == 250_000_000


def test_optics_of_a_dark_channel() -> None:
    optics = optics_of(generic(dead_time=Duration(7)), Decibels(10.0), background=0.0)
    assert optics.transmittance == pytest.approx(0.0045)
    assert optics.dark_count == 6e-7
    assert optics.dead_gates == pytest.approx(7.0)


def test_background_falls_on_both_detectors() -> None:
    """1e6 foreign photons a second, of which 4.5 % are detected, in 1e9 gates and two detectors."""
    optics = optics_of(generic(), Decibels(10.0), background=1e6)
    assert optics.dark_count == pytest.approx(6e-7 + 1 - exp(-1e6 * 0.045 / 1e9 / 2))


def test_settings_are_given_all_or_not_at_all() -> None:
    assert all_or_none(generic(), {"a": None, "b": None}) is None
    assert all_or_none(generic(), {"a": 1.0, "b": 0.0}) == (1.0, 0.0)
    with pytest.raises(Mistake, match="device generic-decoy-bb84: give a, b and c together, or none"):
        all_or_none(generic(), {"a": 1.0, "b": None, "c": 2.0})
