"""From a twin-field device to a link: best settings, draws, reach, and the bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.channel import Channel, plob_bound, single_repeater_bound, transmittance
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.quantum.twin_field_device import (
    COHERENT_TWIN_TRAITS,
    PHASE_MATCHING_TRAITS,
    coherent_twin_link,
    phase_matching_link,
)
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_relay import RelayDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import hours, in_seconds
from tests.marks import invariant
from tests.quantum.shipped import chance, lossy, shipped

PM, CAL = "generic-twin-field-pm", "generic-twin-field-cal"
BOTH = pytest.mark.parametrize("name", [PM, CAL])
LINKS: dict[str, Callable[[Device, Channel], CountedLink]] = {PM: phase_matching_link, CAL: coherent_twin_link}


def device(name: str, **changes: object) -> RelayDevice:
    found = shipped(name)
    assert isinstance(found, RelayDevice)
    return replace(found, **changes)  # type: ignore[arg-type]  # any field may be changed


def link(name: str, loss: float, **changes: object) -> CountedLink:
    return LINKS[name](device(name, **changes), lossy(loss))


@invariant("V18")
@BOTH
@pytest.mark.parametrize("loss", [4.0, 40.0, 60.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(name: str, loss: float) -> None:
    model, generator = link(name, loss), chance()
    blocks = [model.draw_block(generator) for _ in range(300)]
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


@invariant("V9")
@BOTH
def test_v9_stays_below_the_bound_of_a_single_repeater_and_falls_with_loss(name: str) -> None:
    losses = (1.0, 10.0, 30.0, 50.0, 60.0)
    rates = [link(name, loss).rate().secret for loss in losses]
    assert rates == sorted(rates, reverse=True)
    bounds = [device(name).clock * float(single_repeater_bound(transmittance(loss))) for loss in losses]
    assert all(0 < rate < bound for rate, bound in zip(rates, bounds, strict=True))


def test_a_block_of_hours_passes_the_bound_without_repeaters() -> None:
    loss = 75.0
    rate = link(CAL, loss, block_time=hours(10), misalignment=0.01).rate().secret
    assert rate > device(CAL).clock * float(plob_bound(transmittance(loss)))


@BOTH
def test_a_relay_off_the_middle_is_as_good_as_its_longer_arm(name: str) -> None:
    aside = link(name, 20.0, relay_position=0.25).rate().secret
    assert aside == pytest.approx(link(name, 30.0).rate().secret)
    assert aside == pytest.approx(link(name, 20.0, relay_position=0.75).rate().secret)


@pytest.mark.slow
@BOTH
def test_too_much_loss_names_reason_and_reach(name: str) -> None:
    with pytest.raises(Mistake) as caught:
        link(name, 120.0)
    text = str(caught.value)
    assert f"device {name} gives no key at 120.0 dB: " in text
    reach = float(text.partition("it reaches ")[2].partition(" dB")[0])
    assert 60 < reach < 95
    assert link(name, reach - 0.2).rate().secret > 0


def test_noise_is_named_where_it_is_the_cause() -> None:
    with pytest.raises(Mistake, match=r"of what is detected would be wrong, and above 11.0% there is no key; not even"):
        link(PM, 4.0, misalignment=0.25)
    with pytest.raises(
        Mistake, match=r"40.0% of what is detected would be wrong, and above 29.1% there is no key; not even"
    ):
        link(CAL, 4.0, misalignment=0.4)


def test_bits_and_phases_err_apart_in_faint_coherent_pulses() -> None:
    """Where the phases are nearly perfect, bits may be wrong until error correction reveals them all."""
    assert link(CAL, 4.0, misalignment=0.2).rate().secret > 0


@pytest.mark.parametrize("slices", [3.0, 2.0, 16.5, 2048.0])
def test_phase_slices_are_even_and_few_enough(slices: float) -> None:
    with pytest.raises(Mistake, match="phase_slices must be an even number from 4 to 1024"):
        link(PM, 4.0, phase_slices=slices)


def test_too_few_and_too_many_slices_cost_key() -> None:
    rates = {slices: link(PM, 20.0, phase_slices=float(slices)).rate().secret for slices in (8, 14, 64)}
    assert max(rates, key=lambda slices: rates[slices]) == 14


@BOTH
def test_the_same_generator_state_gives_the_same_blocks(name: str) -> None:
    model = link(name, 20.0)
    first, second = (
        [model.draw_block(generator) for _ in range(5)] for generator in (chance(), chance())
    )  # fmt: skip
    assert first == second
    assert np.ptp([block.secret for block in first]) > 0


def test_the_registry_knows_them() -> None:
    assert PROTOCOLS["twin-field-pm"].traits is PHASE_MATCHING_TRAITS
    assert PROTOCOLS["twin-field-cal"].traits is COHERENT_TWIN_TRAITS
    assert not PHASE_MATCHING_TRAITS.is_repeaterless
    assert not COHERENT_TWIN_TRAITS.is_repeaterless
