"""One decoy: the formulas of Rusca et al., Appl. Phys. Lett. 112 171104, written down again, and what must hold."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from math import exp, log, log2, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keytwin.quantum.decoy_bb84 import Cells, Optics
from keytwin.quantum.finite_key import Distillation, binary_entropy
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from tests.marks import invariant

SETTINGS = OneDecoySettings(intensities=(0.5, 0.15), signal_share=0.65, key_basis=0.85)
STRICT = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
ESTIMATOR = OneDecoyEstimator(SETTINGS, STRICT)
GOOD = Optics(transmittance=0.02, dark_count=6e-7, afterpulse=4e-2, misalignment=5e-3)

Numbers = tuple[float, float]
counts = st.tuples(*[st.integers(0, 10**9)] * 8)


def expected(optics: Optics, pulses: float) -> Cells:
    return tuple(pulses * cell for cell in SETTINGS.cells(optics))


def secret(optics: Optics, pulses: float) -> float:
    return max(0.0, ESTIMATOR.signed_length(expected(optics, pulses)))


# --- the formulas -----------------------------------------------------------------------------------------------------


def length_by_the_book(cells: Cells, settings: OneDecoySettings, promise: Distillation) -> float:
    """Return l before rounding: eqs. (A14)-(A25) with no thought of speed or of degenerate counts."""
    (mu1, mu2), (p1, p2) = settings.intensities, settings.shares
    eps = promise.secrecy / 19
    tau0 = p1 * exp(-mu1) + p2 * exp(-mu2)
    tau1 = p1 * mu1 * exp(-mu1) + p2 * mu2 * exp(-mu2)

    def delta(count: float) -> float:
        return sqrt(count * log(1 / eps) / 2)

    def bounds(n: Numbers, m: Numbers) -> Numbers:
        low = exp(mu2) / p2 * (n[1] - delta(sum(n)))
        high = exp(mu1) / p1 * (n[0] + delta(sum(n)))
        s0_least = max(0.0, tau0 / (mu1 - mu2) * (mu1 * low - mu2 * high))
        s0_most = 2 * (tau0 * exp(mu2) / p2 * (m[1] + delta(sum(m))) + delta(sum(n)))
        s1 = low - mu2**2 / mu1**2 * high - (mu1**2 - mu2**2) / mu1**2 * s0_most / tau0
        return s0_least, tau1 * mu1 / (mu2 * (mu1 - mu2)) * s1

    z, x = cells[:4], cells[4:]
    m_z, m_x = (z[1], z[3]), (x[1], x[3])
    n_z, n_x = (z[0] + z[1], z[2] + z[3]), (x[0] + x[1], x[2] + x[3])
    s_z0, s_z1 = bounds(n_z, m_z)
    _, s_x1 = bounds(n_x, m_x)
    v_x1 = exp(mu1) / p1 * (m_x[0] + delta(sum(m_x))) - exp(mu2) / p2 * (m_x[1] - delta(sum(m_x)))
    b = tau1 / (mu1 - mu2) * v_x1 / s_x1
    odds = (s_z1 + s_x1) / (s_z1 * s_x1 * (1 - b) * b) / eps**2
    phi = b + sqrt((s_z1 + s_x1) * (1 - b) * b / (s_z1 * s_x1 * log(2)) * log2(odds))
    leak = promise.reconciliation * binary_entropy(sum(m_z) / sum(n_z)) * sum(n_z)
    overhead = 6 * log2(19 / promise.secrecy) + log2(2 / promise.correctness)
    return s_z0 + s_z1 * (1 - binary_entropy(phi)) - leak - overhead


@pytest.mark.parametrize(
    ("pulses", "transmittance"), [(1e9, 0.3), (1e9, 0.02), (1e10, 0.02), (1e11, 0.002), (1e12, 0.3), (1e12, 0.002)]
)
def test_length_is_that_of_the_paper(pulses: float, transmittance: float) -> None:
    cells = expected(replace(GOOD, transmittance=transmittance), pulses)
    length = ESTIMATOR.signed_length(cells)
    assert length == pytest.approx(length_by_the_book(cells, SETTINGS, STRICT), rel=1e-9)
    assert length > 0, "the case is not degenerate"


def test_settings_sort_the_detections() -> None:
    """For the key basis, then the test basis: signal, then decoy; without error, with error."""
    click, wrong = GOOD.answer(0.15)
    cells = SETTINGS.cells(GOOD)
    assert len(cells) == 8
    assert cells[2:4] == pytest.approx((0.85**2 * 0.35 * (click - wrong), 0.85**2 * 0.35 * wrong))
    assert cells[6:8] == pytest.approx((0.15**2 * 0.35 * (click - wrong), 0.15**2 * 0.35 * wrong))


@pytest.mark.parametrize(
    ("intensities", "share", "basis"),
    [((0.4, 0.4), 0.5, 0.9), ((0.4, 0.0), 0.5, 0.9), ((0.4, 0.2), 1.0, 0.9), ((0.4, 0.2), 0.5, 1.0)],
)
def test_settings_that_the_proof_does_not_cover_are_our_bug(intensities: Numbers, share: float, basis: float) -> None:
    with pytest.raises(AssertionError):
        OneDecoySettings(intensities, share, basis)


# --- what must hold ---------------------------------------------------------------------------------------------------


def test_the_estimator_knows_nothing_but_public_settings_and_counts() -> None:
    """An eavesdropper and the true loss are hidden from the two ends, so from the estimation too."""
    assert {field.name for field in fields(OneDecoyEstimator) if field.init} == {"settings", "distillation"}
    assert list(inspect.signature(OneDecoyEstimator.signed_length).parameters) == ["self", "cells"]


@invariant("V22")
@given(counts)
def test_v22_whatever_is_counted_no_key_is_longer_than_what_is_left_of_it(cells: tuple[int, ...]) -> None:
    sifted, wrong = sum(cells[:4]), cells[1] + cells[3]
    length = ESTIMATOR.signed_length(cells)
    if length > 0:
        leak = STRICT.reconciliation * binary_entropy(wrong / sifted) * sifted
        overhead = 6 * log2(19 / STRICT.secrecy) + log2(2 / STRICT.correctness)
        assert length <= sifted - leak - overhead


@invariant("V22")
@pytest.mark.parametrize("pulses", [1e9, 1e15])
@given(misalignment=st.floats(0.11, 0.5), transmittance=st.floats(1e-3, 1))
def test_v22_no_key_above_11_percent_errors(pulses: float, misalignment: float, transmittance: float) -> None:
    assert secret(Optics(transmittance, dark_count=0.0, afterpulse=0.0, misalignment=misalignment), pulses) == 0


@invariant("V22")
def test_v22_no_key_where_the_finite_size_dominates() -> None:
    assert secret(GOOD, 1e9) > 0
    assert secret(GOOD, 1e6) == 0


@invariant("V22")
def test_v22_nothing_detected_gives_nothing() -> None:
    assert ESTIMATOR.signed_length((0,) * 8) < 0


@given(counts, st.integers(1, 10**6))
def test_more_errors_never_give_more_key(cells: tuple[int, ...], more: int) -> None:
    assume(more <= cells[0])
    worse = (cells[0] - more, cells[1] + more, *cells[2:])
    assert max(0.0, ESTIMATOR.signed_length(worse)) <= max(0.0, ESTIMATOR.signed_length(cells))


@given(st.floats(0, 20), st.floats(0.01, 5))
def test_key_falls_with_loss(loss: float, more: float) -> None:
    near, far = (replace(GOOD, transmittance=0.1 * 10 ** (-decibels / 10)) for decibels in (loss, loss + more))
    assert secret(far, 1e10) <= secret(near, 1e10)


@given(st.floats(1e6, 1e13), st.floats(1.01, 10))
def test_larger_blocks_give_more_key_a_pulse(pulses: float, factor: float) -> None:
    few, many = secret(GOOD, pulses), secret(GOOD, pulses * factor)
    assert (many + 1) / (pulses * factor) >= few / pulses


def test_stricter_promises_cost_key() -> None:
    cells = expected(GOOD, 1e10)
    plain = ESTIMATOR.signed_length(cells)
    for changed in (
        replace(STRICT, secrecy=1e-12),
        replace(STRICT, correctness=1e-18),
        replace(STRICT, reconciliation=1.3),
    ):
        assert OneDecoyEstimator(SETTINGS, changed).signed_length(cells) < plain


def test_a_test_without_any_error_still_leaves_doubt() -> None:
    """A test basis without errors proves little when hardly anything was tested."""
    cells = expected(replace(GOOD, dark_count=0.0, afterpulse=0.0, misalignment=0.0), 1e9)
    fewer = (*cells[:4], *(cell / 100 for cell in cells[4:]))
    assert cells[1::2] == (0, 0, 0, 0)
    assert ESTIMATOR.signed_length(fewer) < ESTIMATOR.signed_length(cells)


def test_photon_number_splitting_kills_the_key_without_moving_the_errors() -> None:
    """An eavesdropper who blocks single photons and lets the others pass makes decoys rarer than they should be."""
    honest = expected(GOOD, 1e10)
    split = tuple(cell * (0.5 if index % 4 >= 2 else 1.0) for index, cell in enumerate(honest))
    assert ESTIMATOR.signed_length(honest) > 0
    assert ESTIMATOR.signed_length(split) < 0
