"""From a chain of repeaters to a link: times of a fibre, draws, reach, and what no chain can be."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.channel import Fibre, single_repeater_bound, transmittance
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.quantum.repeater_device import REPEATER_TRAITS, chain_of, repeater_link, slot_time
from keytwin.quantum.waiting import mean_of_slowest
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import (
    Decibels,
    DecibelsPerKilometre,
    Duration,
    Hertz,
    Kilometres,
    hours,
    in_seconds,
    milliseconds,
    seconds,
)
from tests.marks import invariant
from tests.quantum.shipped import chance, lossy, shipped


def device(**changes: object) -> RepeaterDevice:
    found = shipped("two-segment-repeater")
    assert isinstance(found, RepeaterDevice)
    return replace(found, **changes)  # type: ignore[arg-type]  # any field may be changed


def fibre(kilometres: float) -> Fibre:
    return Fibre(Kilometres(kilometres), DecibelsPerKilometre(0.2))


def link(kilometres: float, **changes: object) -> CountedLink:
    return repeater_link(device(**changes), fibre(kilometres))


def refusal(kilometres: float = 50.0, /, **changes: object) -> str:
    with pytest.raises(Mistake) as caught:
        link(kilometres, **changes)
    return str(caught.value)


@invariant("V18")
@pytest.mark.parametrize("kilometres", [1.0, 50.0, 130.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(kilometres: float) -> None:
    model, generator = link(kilometres), chance()
    blocks = [model.draw_block(generator) for _ in range(1_000)]
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


def test_an_attempt_lasts_as_long_as_light_takes() -> None:
    assert slot_time(device(clock=Hertz(1e4)), Kilometres(100.0)) == pytest.approx(1e-4 + 50 / 2e5)


def test_device_and_fibre_make_a_chain() -> None:
    chain = chain_of(device(segments=4.0, purification_rounds=1.0), Decibels(20.0), Kilometres(100.0))
    slot = slot_time(device(segments=4.0), Kilometres(100.0))
    assert (chain.segments, chain.purifications, chain.pairs) == (4, 1, 8)
    assert chain.success == pytest.approx(0.2 * 10**-0.5)
    assert chain.decay == pytest.approx(slot / 10)
    assert chain.patience == 0.5 // slot
    assert chain_of(device(cut_off=None), Decibels(20.0), Kilometres(100.0)).patience == inf


def test_a_block_has_as_many_rounds_as_fit() -> None:
    patient = link(100.0, cut_off=None)
    mean = mean_of_slowest(2, 0.02) * slot_time(device(), Kilometres(100.0))
    assert patient.pulses == int(600 / mean)
    assert sum(patient.cells) == pytest.approx(0.95 * (0.65**2 + 0.35**2))


def test_a_measured_loss_takes_the_length_that_it_would_have() -> None:
    assert repeater_link(device(), lossy(10.0)).rate() == pytest.approx(link(50.0).rate())


@invariant("V9")
def test_v9_stays_below_the_bound_of_a_single_repeater_and_falls_with_loss() -> None:
    lengths = (1.0, 20.0, 60.0, 100.0, 130.0)
    rates = [link(length).rate().secret for length in lengths]
    assert rates == sorted(rates, reverse=True)
    for length, rate in zip(lengths, rates, strict=True):
        uses = 1 / slot_time(device(), Kilometres(length))
        assert 0 < rate < uses * float(single_repeater_bound(transmittance(0.2 * length)))


def test_more_segments_reach_farther() -> None:
    four = {"segments": 4.0, "elementary_fidelity": 0.99, "swap_probability": 1.0, "block_time": hours(2)}
    assert link(300.0, **four).rate().secret > 0
    assert "gives no key at 60.0 dB" in refusal(300.0, **(four | {"segments": 1.0}))


def test_too_many_noisy_segments_give_errors() -> None:
    assert "of what is detected would be wrong" in refusal(segments=16.0)


def test_purification_helps_noisy_pairs() -> None:
    noisy = {"elementary_fidelity": 0.9, "memory_time": seconds(100)}
    assert "not even without any loss" in refusal(**noisy)
    assert link(20.0, **noisy, purification_rounds=2.0).rate().secret > 0


def test_too_few_pairs_name_the_reach() -> None:
    text = refusal(200.0)
    assert "a block of 10 min would hold about" in text
    assert "it reaches 28.1 dB" in text
    assert link(140.0).rate().secret > 0


def test_the_longest_link_gives_a_reason_too() -> None:
    assert "gives no key at 1000.0 dB" in refusal(5000.0)
    assert "gives no key at 8000.0 dB" in refusal(40_000.0, cut_off=None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"segments": 0.0}, "segments must be a whole number from 1 on"),
        ({"segments": 2.5}, "segments must be a whole number from 1 on"),
        ({"purification_rounds": 0.5}, "purification_rounds one from 0 on"),
        ({"segments": 16.0, "purification_rounds": 3.0}, "must not exceed 64"),
        ({"purification_rounds": 1e9}, "must not exceed 64"),
        ({"clock": Hertz(0.0)}, "clock must be above 0"),
        ({"block_time": Duration(0)}, "block_time must be above 0"),
        ({"pair_probability": 0.0}, "pair_probability and swap_probability must be above 0"),
        ({"elementary_fidelity": 0.5}, "what is below is not entangled"),
        ({"memory_time": Duration(0)}, "memory_time must be above 0"),
        ({"key_basis_share": 1.0}, "each basis tests the other"),
        ({"reconciliation": 0.9}, "Shannon"),
        ({"secrecy": 0.0}, "secrecy must be above 0"),
        ({"correctness": 1.0}, "correctness must be above 0 and below 1"),
    ],
)
def test_what_no_chain_can_be_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    text = refusal(**changes)
    assert text.startswith("device two-segment-repeater: ")
    assert reason in text


def test_a_chain_needs_fibre() -> None:
    air = replace(fibre(50.0), medium="free-space")
    with pytest.raises(Mistake, match="cannot use 'free-space': a chain needs stations along its way"):
        link_model(device(), air)


def test_a_short_cut_off_costs_rate_and_a_long_one_quality() -> None:
    short, long = (link(100.0, cut_off=milliseconds(span)) for span in (5, 500))
    assert short.pulses * sum(short.cells) < long.pulses * sum(long.cells)
    assert short.rate().qber < long.rate().qber


def test_the_registry_knows_it() -> None:
    assert PROTOCOLS["repeater-chain"].traits is REPEATER_TRAITS
    assert not REPEATER_TRAITS.is_repeaterless
