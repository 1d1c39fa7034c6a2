"""Bell-diagonal states: swapping, noise and purification against closed forms and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.bell import (
    decayed,
    dephased,
    disturbed,
    error_rates,
    purified,
    swapped,
    twirled,
    weighted,
    werner,
    werner_weight,
)
from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import entropy
from tests.marks import invariant
from tests.quantum.shipped import chance

PERFECT = np.array([1.0, 0.0, 0.0, 0.0])
NOISE = np.full(4, 0.25)
states = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(lambda parts: np.array(parts) / sum(parts))


def fraction(fidelity: float) -> float:
    bit, phase = error_rates(werner(fidelity))
    return float(1 - entropy(bit) - entropy(phase))


@invariant("V14")
def test_v14_threshold_of_werner_states() -> None:
    assert fraction(0.83496 + 1e-5) > 0 > fraction(0.83496 - 1e-5)


@invariant("V14")
@pytest.mark.parametrize(("segments", "qber", "secret"), [(1, 0.0133, 0.796), (2, 0.0263, 0.649)])
def test_v14_error_rate_after_swapping(segments: int, qber: float, secret: float) -> None:
    state = werner(0.98)
    for _ in range(segments - 1):
        state = swapped(state, werner(0.98))
    bit, phase = (float(each) for each in error_rates(state))
    assert bit == phase == pytest.approx(qber, abs=5e-5)
    assert 1 - 2 * float(entropy(bit)) == pytest.approx(secret, abs=5e-4)


@invariant("V14")
def test_v14_swapping_by_chance_gives_the_same_errors() -> None:
    """Draw the Pauli errors of two pairs many times: after a swap they add up modulo two."""
    drawn = chance().choice(4, size=(2, 200_000), p=werner(0.98))
    bits = (drawn[0] ^ drawn[1]) & 1
    share = float(error_rates(swapped(werner(0.98), werner(0.98)))[0])
    assert share == pytest.approx(0.0263, abs=5e-5)
    assert abs(bits.mean() - share) < 3 * np.sqrt(share * (1 - share) / bits.size)


@given(states, states, states)
def test_swapping_is_a_commutative_group_of_errors(one: Reals, other: Reals, third: Reals) -> None:
    assert swapped(one, other) == pytest.approx(swapped(other, one))
    assert swapped(swapped(one, other), third) == pytest.approx(swapped(one, swapped(other, third)))
    assert swapped(one, PERFECT) == pytest.approx(one)
    assert swapped(one, NOISE) == pytest.approx(NOISE)
    assert swapped(one, other).sum() == pytest.approx(1)


@given(st.floats(0.25, 1), st.floats(0.25, 1))
def test_weights_of_werner_states_multiply(one: float, other: float) -> None:
    joined = swapped(werner(one), werner(other))
    assert joined == pytest.approx(weighted(werner_weight(one) * werner_weight(other)))


@given(states, st.floats(0, 1))
def test_noise_is_linear_and_keeps_the_whole(state: Reals, kept: float) -> None:
    assert decayed(state, kept) == pytest.approx(kept * state + (1 - kept) * NOISE)
    assert dephased(state, kept).sum() == pytest.approx(1)
    assert disturbed(state, np.array([kept, 0.0, 1 - kept, 0.0])) == pytest.approx(dephased(state, 2 * kept - 1))


def test_dephasing_spoils_phases_and_not_bits() -> None:
    bit, phase = error_rates(dephased(PERFECT, 0.9))
    assert bit == 0
    assert phase == pytest.approx(0.05)


@given(st.floats(0.26, 0.999))
def test_purification_follows_bennett(fidelity: float) -> None:
    better, success = purified(werner(fidelity), werner(fidelity))
    rest = (1 - fidelity) / 3
    whole = fidelity**2 + 2 * fidelity * rest + 5 * rest**2
    assert success == pytest.approx(whole)
    assert better[0] == pytest.approx((fidelity**2 + rest**2) / whole)
    assert (better[0] > fidelity) == (fidelity > 0.5) or fidelity == pytest.approx(0.5, abs=1e-9)


@given(states, states)
def test_purification_keeps_pairs_with_equal_bit_errors(one: Reals, other: Reals) -> None:
    """Brute force over the errors of both pairs."""
    kept = np.zeros(4)
    for first in range(4):
        for second in range(4):
            if (first ^ second) & 1 == 0:
                kept[first ^ (second & 2)] += one[first] * other[second]
    better, success = purified(one, other)
    assert success == pytest.approx(kept.sum())
    assert better == pytest.approx(kept / kept.sum())


@given(states)
def test_twirling_keeps_the_fidelity(state: Reals) -> None:
    assert twirled(state) == pytest.approx(werner(state[0]))


def test_arrays_of_states() -> None:
    fidelities = np.linspace(0.5, 1, 6).reshape(2, 3)
    assert swapped(werner(fidelities), werner(0.9)).shape == (2, 3, 4)
    better, success = purified(werner(fidelities), werner(fidelities))
    assert better.shape == (2, 3, 4)
    assert success.shape == (2, 3)
    assert decayed(werner(fidelities), np.array([0.5, 0.6, 0.7])).shape == (2, 3, 4)
