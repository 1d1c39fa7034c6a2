"""A chain of repeaters: rate and errors end to end, against closed forms and a chain that is run."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.bell import error_rates, purified, swapped, twirled, weighted, werner, werner_weight
from keytwin.quantum.channel import Reals, plob_bound, single_repeater_bound, transmittance
from keytwin.quantum.repeater import Chain, chain_bound
from keytwin.quantum.waiting import Race, mean_of_slowest
from tests.marks import invariant
from tests.quantum.shipped import chance

RUNS = 20_000


@invariant("V14")
@pytest.mark.parametrize(("segments", "qber"), [(1, 0.0133), (2, 0.0263)])
def test_v14_error_rate_end_to_end(segments: int, qber: float) -> None:
    delivery = Chain(segments, 0.01, 0.98).delivery
    assert delivery.error_rates == pytest.approx((qber, qber), abs=5e-5)
    assert delivery.slots == pytest.approx(mean_of_slowest(segments, 0.01))
    assert delivery.success == pytest.approx(1)


@invariant("V14")
def test_v14_no_key_below_the_threshold_of_werner_states() -> None:
    assert Chain(1, 0.1, 0.8350).delivery.rate() > 0
    assert Chain(1, 0.1, 0.8349).delivery.rate() == 0


def run(chain: Chain) -> tuple[Reals, Reals]:
    """Return the final states of many rounds that succeed, each weighted with the chance of its purifications."""
    drawn = chance().geometric(chain.success, (RUNS, chain.pairs))
    late = drawn.max(axis=1)
    drawn, late = (each[late - drawn.min(axis=1) <= chain.patience] for each in (drawn, late))
    states = weighted(werner_weight(chain.fidelity) * np.exp(-chain.decay * (late[:, None] - drawn)))
    chances = np.ones(len(drawn))
    for _ in range(chain.purifications):
        states, success = purified(states[:, ::2], states[:, 1::2])
        states = weighted(werner_weight(twirled(states)[..., 0]) * exp(-chain.decay))
        chances = chances * success.prod(axis=1)
    final = states[:, 0]
    for segment in range(1, chain.segments):
        final = swapped(final, states[:, segment])
    return final, chances


@pytest.mark.parametrize(
    "chain",
    [
        Chain(2, 0.05, 0.98, decay=0.01),
        Chain(3, 0.1, 0.95, decay=0.02, patience=20),
        Chain(2, 0.1, 0.92, decay=0.01, purifications=1),
        Chain(2, 0.2, 0.9, decay=0.01, patience=15, purifications=2),
    ],
)
def test_chains_that_are_run_agree(chain: Chain) -> None:
    """Waiting, decay, purification and swapping, state by state: the mean over rounds is what the chain says."""
    final, chances = run(chain)
    errors = np.stack([chances * each for each in error_rates(final)])
    success, error = chances.mean(), chances.std() / np.sqrt(chances.size)
    assert abs(chain.delivery.success - success) <= 4 * error + 1e-12
    for found, share in zip(chain.delivery.error_rates, errors, strict=True):
        spread = (share - found * chances).std() / np.sqrt(chances.size) / success
        assert abs(found - share.mean() / success) <= 4 * spread + 1e-12


def test_decay_without_purification_multiplies_the_weights() -> None:
    chain = Chain(4, 0.02, 0.97, decay=1e-3)
    kept = Race(4, 0.02, inf).survivals(1e-3)[-1]
    weight = werner_weight(0.97) ** 4 * kept
    assert chain.delivery.error_rates == pytest.approx([(1 - weight) / 2] * 2)


def test_swaps_that_fail_cost_rate_and_no_quality() -> None:
    sure, linear = Chain(4, 0.05, 0.98), Chain(4, 0.05, 0.98, swap_success=0.5)
    assert linear.delivery.success == pytest.approx(0.125)
    assert linear.delivery.error_rates == sure.delivery.error_rates
    assert linear.delivery.rate() == pytest.approx(sure.delivery.rate() / 8)


def test_purification_saves_pairs_that_are_too_noisy() -> None:
    plain = Chain(2, 0.1, 0.88)
    assert plain.delivery.rate() == 0
    assert replace(plain, purifications=2).delivery.rate() > 0


def test_a_cut_off_saves_a_chain_whose_memories_forget() -> None:
    plain = Chain(2, 0.002, 0.97, decay=1 / 2000)
    assert plain.delivery.rate() == 0
    assert replace(plain, patience=200.0).delivery.rate() > 0


@invariant("V9")
@given(
    segments=st.integers(1, 8), loss=st.floats(0.1, 60), fidelity=st.floats(0.85, 1), swap=st.floats(0.1, 1)
)  # fmt: skip
def test_v9_one_channel_use_a_slot_stays_below_the_bound(
    segments: int, loss: float, fidelity: float, swap: float
) -> None:
    eta = float(transmittance(loss))
    rate = Chain(segments, eta ** (1 / segments), fidelity, swap).delivery.rate()
    assert 0 <= rate <= chain_bound(eta, segments)


def test_bounds_of_chains() -> None:
    assert chain_bound(0.01, 1) == pytest.approx(plob_bound(0.01))
    assert chain_bound(0.01, 2) == pytest.approx(single_repeater_bound(0.01))


def test_one_repeater_halves_the_decibels_that_count() -> None:
    """Two segments fall with the square root of the transmittance: half a decade in ten decibels."""
    rates = [Chain(2, float(transmittance(loss / 2)), 0.98).delivery.rate() for loss in (40.0, 80.0)]
    assert np.log10(rates[1] / rates[0]) / 40 == pytest.approx(-0.05, rel=0.02)


def test_rate_falls_with_success_and_decay() -> None:
    rates = [Chain(2, success, 0.97, decay=1e-3).delivery.rate() for success in (0.5, 0.1, 0.05, 0.01, 1e-4)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0


def test_a_chain_that_never_delivers() -> None:
    delivery = Chain(32, 1e-19, 0.99, patience=10.0).delivery
    assert (delivery.slots, delivery.success, delivery.rate()) == (inf, 0.0, 0.0)


def test_states_are_states() -> None:
    delivery = Chain(8, 0.01, 0.95, decay=1e-4, patience=1e3, purifications=3).delivery
    assert delivery.state.sum() == pytest.approx(1)
    assert delivery.state.min() >= -1e-12
    assert werner(0.95).sum() == pytest.approx(1)
