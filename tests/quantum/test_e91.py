"""The Bell test of E91, and the device-independent rate: Ekert, PRL 67 661; Acin et al., PRL 98 230501."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from keytwin.quantum.decoy_asymptotic import entropy
from keytwin.quantum.e91 import (
    CLASSICAL,
    QUANTUM,
    chsh_of_winning,
    chsh_value,
    device_independent_fraction,
    knowledge,
    phase_error,
    visibility,
    winning_share,
    with_fixed_outcomes,
)


def white_noise(error: float) -> float:
    return float(chsh_value(visibility(error)))


def test_a_perfect_pair_reaches_tsirelsons_bound() -> None:
    assert white_noise(0.0) == pytest.approx(2 * sqrt(2))


def test_the_value_is_that_of_a_singlet_at_ekerts_angles() -> None:
    """E(a, b) = -cos(a - b), summed over the four pairs of settings 0, 90 degrees and 45, 135 degrees."""

    def correlation(first: float, second: float) -> float:
        return -float(np.cos(first - second))

    pairs = correlation(0, pi / 4) - correlation(0, 3 * pi / 4) + correlation(pi / 2, pi / 4)
    assert abs(pairs + correlation(pi / 2, 3 * pi / 4)) == pytest.approx(QUANTUM)


def test_no_violation_is_left_at_an_error_rate_of_fourteen_per_cent() -> None:
    assert white_noise((1 - 1 / sqrt(2)) / 2) == pytest.approx(CLASSICAL)


def test_the_test_is_a_game_won_at_most_in_85_per_cent() -> None:
    assert winning_share(QUANTUM) == pytest.approx(np.cos(pi / 8) ** 2)
    assert winning_share(CLASSICAL) == 0.75
    assert chsh_of_winning(winning_share(2.5)) == pytest.approx(2.5)


def test_device_independent_key_ends_at_seven_per_cent() -> None:
    """7.1 % in the abstract of Acin et al."""

    def margin(error: float) -> float:
        return float(1 - entropy(error) - knowledge(white_noise(error)))

    assert brentq(margin, 0.01, 0.14) == pytest.approx(0.071, abs=5e-4)
    assert device_independent_fraction(white_noise(0.070), 0.070) > 0
    assert device_independent_fraction(white_noise(0.073), 0.073) == 0


def test_a_perfect_pair_gives_a_bit() -> None:
    assert device_independent_fraction(QUANTUM, 0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("chsh", [0.0, 1.5, 2.0])
def test_without_violation_everything_is_known(chsh: float) -> None:
    assert knowledge(chsh) == 1
    assert device_independent_fraction(chsh, 0.0) == 0


@given(st.floats(0, 0.5))
def test_white_noise_shows_alike_in_both_bases(error: float) -> None:
    assert phase_error(white_noise(error), error) == pytest.approx(error, abs=1e-12)


def test_noise_of_one_basis_alone_is_found() -> None:
    """Dephasing leaves <ZZ> = 1 and <XX> = 1 - 2 e: S = sqrt(2) (2 - 2 e), and all errors are in the other basis."""
    chsh = sqrt(2) * (2 - 2 * 0.2)
    assert phase_error(chsh, 0.0) == pytest.approx(0.2)


@given(st.floats(0, 0.14), st.floats(1, 1.3))
def test_less_is_trusted_for_less_key(error: float, reconciliation: float) -> None:
    """Untrusted devices never give more than trusted ones with the same statistics."""
    trusted = 1 - reconciliation * float(entropy(error)) - float(entropy(phase_error(white_noise(error), error)))
    assert device_independent_fraction(white_noise(error), error, reconciliation) <= max(0.0, trusted) + 1e-12


@given(st.floats(2, 2 * sqrt(2)), st.floats(0, 0.8))
def test_a_larger_violation_means_less_is_known(chsh: float, less: float) -> None:
    assert knowledge(chsh) <= knowledge(chsh - less) + 1e-12


def test_detectors_below_92_per_cent_leave_no_key() -> None:
    """92.4 % is the threshold for perfect pairs with fixed values for losses (Ma, Lutkenhaus, arXiv 1109.1203)."""

    def margin(efficiency: float) -> float:
        chsh, error = with_fixed_outcomes(1.0, efficiency)
        return float(1 - entropy(error) - knowledge(chsh))

    assert brentq(margin, 0.85, 0.99) == pytest.approx(0.924, abs=1e-3)


def test_detectors_below_83_per_cent_pass_no_bell_test() -> None:
    """2 / (1 + sqrt 2) = 82.8 %: Garg, Mermin, PRD 35 3831."""
    threshold = 2 / (1 + sqrt(2))
    assert with_fixed_outcomes(1.0, threshold + 1e-3)[0] > CLASSICAL > with_fixed_outcomes(1.0, threshold - 1e-3)[0]


def test_perfect_detectors_change_nothing() -> None:
    chsh, error = with_fixed_outcomes(0.9, 1.0)
    assert chsh == pytest.approx(0.9 * QUANTUM)
    assert error == pytest.approx(0.05)
