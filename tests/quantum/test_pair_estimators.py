"""What counted pairs prove: BBM92 by complementary bases, E91 by the Bell test."""

from __future__ import annotations

from math import log, log2, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.counted_link import CountEstimator, Promises
from keytwin.quantum.e91 import QUANTUM, device_independent_fraction
from keytwin.quantum.finite_key import binary_entropy
from keytwin.quantum.pair_estimators import (
    COMPLEMENTARY,
    DEVICE_INDEPENDENT,
    BellTested,
    DeviceIndependent,
    TwoBases,
    least_chsh,
)
from tests.marks import invariant

PROMISES = Promises(1.1, 1e-15, 1e-10)
ESTIMATORS: tuple[CountEstimator, ...] = (TwoBases(PROMISES), BellTested(PROMISES), DeviceIndependent(PROMISES))


def bell(size: float, error: float, chsh: float | None = None) -> list[float]:
    """Return counts of `size` key bits and as many rounds of the Bell test, of white noise unless said otherwise."""
    value = QUANTUM * (1 - 2 * error) if chsh is None else chsh
    won = size * (0.5 + value / 8)
    return [size * (1 - error), size * error, won, size - won]


def bases(size: float, error: float, other: float | None = None) -> list[float]:
    wrong = error if other is None else other
    return [size * (1 - error), size * error, size * (1 - wrong), size * wrong]


def counts_for(estimator: CountEstimator, size: float, error: float) -> list[float]:
    return bases(size / 2, error) if isinstance(estimator, TwoBases) else bell(size, error)


def test_an_endless_block_gives_the_rate_of_bbm92() -> None:
    size = 1e14
    fraction = 1 - 2.1 * binary_entropy(0.03)
    assert TwoBases(PROMISES).signed_length(bases(size / 2, 0.03)) / size == pytest.approx(fraction, rel=1e-4)
    assert BellTested(PROMISES).signed_length(bell(size, 0.03)) / size == pytest.approx(fraction, rel=1e-4)


def test_an_endless_block_gives_the_device_independent_rate() -> None:
    size = 1e14
    fraction = float(device_independent_fraction(QUANTUM * 0.96, 0.02, 1.1))
    assert DeviceIndependent(PROMISES).signed_length(bell(size, 0.02)) / size == pytest.approx(fraction, rel=1e-4)


def test_a_finite_block_of_bbm92_by_hand() -> None:
    """Tomamichel et al., eqs. (1) and (2), for both bases alike with half of the secrecy each."""
    size, error = 1e5, 0.02
    deviation = sqrt(2 * size * (size + 1) / size**3 * log(4 / 5e-11))
    private = 2 * size * (1 - binary_entropy(error + deviation))
    revealed = 1.1 * 2 * size * binary_entropy(error)
    overhead = 2 * 2 * log2(1 / 5e-11) + log2(2 / 1e-15)
    assert TwoBases(PROMISES).signed_length(bases(size, error)) == pytest.approx(private - revealed - overhead)


def test_errors_of_one_basis_count_against_the_key_of_the_other() -> None:
    """Dephasing leaves one basis without errors; what is known of its bits shows in the other."""
    size = 1e13
    private = (1 - binary_entropy(0.1)) + 1
    revealed = 1.1 * 2 * binary_entropy(0.05)
    length = TwoBases(PROMISES).signed_length(bases(size, 0.0, 0.1))
    assert length / size == pytest.approx(private - revealed, rel=1e-4)
    assert TwoBases(PROMISES).signed_length([size, 0.0, 1.0, 1.0]) < 0, "a basis hardly tested proves nothing"


@invariant("V22")
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_v22_no_key_above_the_limit(estimator: CountEstimator) -> None:
    assert estimator.qber_limit in {COMPLEMENTARY, DEVICE_INDEPENDENT}
    assert estimator.signed_length(counts_for(estimator, 1e13, estimator.qber_limit + 0.001)) < 0


@invariant("V22")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("size", [0, 1, 100])
def test_v22_no_key_when_the_block_is_too_small(estimator: CountEstimator, size: float) -> None:
    assert estimator.signed_length(counts_for(estimator, size, 0.0)) < 0


@invariant("V22")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@given(
    right=st.integers(0, 10**9), wrong=st.integers(0, 10**8), third=st.integers(0, 10**9), fourth=st.integers(0, 10**8)
)
def test_v22_never_more_than_what_was_sifted_less_what_was_revealed(
    estimator: CountEstimator, right: int, wrong: int, third: int, fourth: int
) -> None:
    """Whatever the counts: a Bell test won too often to be true gives no more than a perfect one."""
    counts = [right, wrong, third, fourth]
    key, errors = (sum(counts), wrong + fourth) if isinstance(estimator, TwoBases) else (right + wrong, wrong)
    revealed = key * binary_entropy(errors / key) * 1.1 if key else 0.0
    assert estimator.signed_length(counts) <= max(0.0, key - revealed) + 1e-6


@pytest.mark.parametrize("estimator", ESTIMATORS)
@given(error=st.floats(0, 0.12), more=st.floats(0, 0.05), size=st.floats(1e4, 1e9))
def test_more_errors_never_mean_more_key(estimator: CountEstimator, error: float, more: float, size: float) -> None:
    less, greater = (estimator.signed_length(counts_for(estimator, size, each)) for each in (error, error + more))
    assert greater <= less + 1e-6 * size


@pytest.mark.parametrize("estimator", [BellTested(PROMISES), DeviceIndependent(PROMISES)])
def test_no_violation_raises_the_alarm(estimator: CountEstimator) -> None:
    """An eavesdropper who holds all bits and causes no error shows in the Bell test alone."""
    assert estimator.signed_length(bell(1e9, 0.0)) > 0.9e9
    assert estimator.signed_length(bell(1e9, 0.0, chsh=2.0)) < 0


def test_the_bell_test_finds_the_errors_that_the_key_does_not_show() -> None:
    """S = sqrt 2 (2 - 2 e) for dephasing by e, while the key's own basis shows none."""
    dephased = sqrt(2) * (2 - 2 * 0.05)
    length = BellTested(PROMISES).signed_length(bell(1e13, 0.0, dephased))
    assert length / 1e13 == pytest.approx(1 - binary_entropy(0.05), rel=1e-3)


def test_a_small_test_proves_less() -> None:
    assert least_chsh(850, 150, 1e-10) < least_chsh(850_000, 150_000, 1e-10) < 8 * 0.35
    assert least_chsh(850_000, 150_000, 1e-10) == pytest.approx(2.8 - 8 * sqrt(log(1e10) / 2e6))
