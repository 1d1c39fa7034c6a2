"""The secret length of a block: the formulas of Lim et al., PRA 89 022307, written down again, and what must hold."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from math import exp, log, log2, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keytwin.quantum.decoy_bb84 import Optics, Settings, Three
from keytwin.quantum.finite_key import Counts, Distillation, Estimator, binary_entropy
from tests.marks import invariant

SETTINGS = Settings(intensities=(0.45, 0.2, 2e-4), shares=(0.5, 0.35, 0.15), key_basis=0.85)
STRICT = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
ESTIMATOR = Estimator(SETTINGS, STRICT)
GOOD = Optics(transmittance=0.02, dark_count=6e-7, afterpulse=4e-2, misalignment=5e-3)

detections = st.integers(0, 10**9)


@st.composite
def counts_of_a_block(draw: st.DrawFn) -> Counts:
    """Draw what two ends could count, however unlikely."""
    key = (draw(detections), draw(detections), draw(detections))
    test = (draw(detections), draw(detections), draw(detections))
    wrong = (draw(st.integers(0, test[0])), draw(st.integers(0, test[1])), draw(st.integers(0, test[2])))
    return Counts(key, draw(st.integers(0, sum(key))), test, wrong)


def expected(optics: Optics, pulses: float, settings: Settings = SETTINGS) -> Counts:
    return Counts.of([pulses * cell for cell in optics.cells(settings)])


def secret(optics: Optics, pulses: float) -> int:
    return ESTIMATOR.estimate(expected(optics, pulses)).secret


# --- the formulas -----------------------------------------------------------------------------------------------------


def bounds(n: Three, k: Three, p: Three, eps: float) -> tuple[Three, Three]:
    """Return n_k^- and n_k^+."""
    delta = sqrt(sum(n) / 2 * log(21 / eps))
    low = [exp(k[i]) / p[i] * (n[i] - delta) for i in range(3)]
    high = [exp(k[i]) / p[i] * (n[i] + delta) for i in range(3)]
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def length_by_the_book(counts: Counts, settings: Settings, promise: Distillation) -> tuple[float, float]:
    """Return l before rounding, and phi_X: eqs. (1)-(5) with no thought of speed or of degenerate counts."""
    k, p, eps = settings.intensities, settings.shares, promise.secrecy
    tau0 = sum(p[i] * exp(-k[i]) for i in range(3))
    tau1 = sum(p[i] * exp(-k[i]) * k[i] for i in range(3))

    def singles(n: Three) -> tuple[float, float]:
        low, high = bounds(n, k, p, eps)
        s0 = max(0.0, tau0 * (k[1] * low[2] - k[2] * high[1]) / (k[1] - k[2]))
        numerator = low[1] - high[2] - (k[1] ** 2 - k[2] ** 2) / k[0] ** 2 * (high[0] - s0 / tau0)
        return s0, tau1 * k[0] * numerator / (k[0] * (k[1] - k[2]) - k[1] ** 2 + k[2] ** 2)

    s_x0, s_x1 = singles(counts.key)
    _, s_z1 = singles(counts.test)
    low, high = bounds(counts.test_errors, k, p, eps)
    b = tau1 * (high[1] - low[2]) / (k[1] - k[2]) / s_z1
    odds = (s_z1 + s_x1) / (s_z1 * s_x1 * (1 - b) * b) * 21**2 / eps**2
    phi = b + sqrt((s_z1 + s_x1) * (1 - b) * b / (s_z1 * s_x1 * log(2)) * log2(odds))
    n_x = sum(counts.key)
    leak = promise.reconciliation * binary_entropy(counts.key_errors / n_x) * n_x
    overhead = 6 * log2(21 / eps) + log2(2 / promise.correctness)
    return s_x0 + s_x1 * (1 - binary_entropy(phi)) - leak - overhead, phi


@pytest.mark.parametrize(
    ("pulses", "transmittance"), [(1e9, 0.3), (1e9, 0.02), (1e10, 0.02), (1e10, 0.002), (1e12, 0.3), (1e12, 0.002)]
)
def test_length_and_phase_error_are_those_of_the_paper(pulses: float, transmittance: float) -> None:
    counts = expected(replace(GOOD, transmittance=transmittance), pulses)
    length, phase_error = ESTIMATOR.signed_length(counts)
    assert (length, phase_error) == pytest.approx(length_by_the_book(counts, SETTINGS, STRICT), rel=1e-9)
    assert phase_error < 0.5, "the case is not degenerate"


def test_estimate_rounds_down_and_reports_the_observed_error_rate() -> None:
    counts = expected(GOOD, 1e9)
    estimate = ESTIMATOR.estimate(counts)
    assert 0 < estimate.secret <= ESTIMATOR.signed_length(counts)[0] < estimate.secret + 1
    assert estimate.qber == pytest.approx(counts.key_errors / sum(counts.key))


@given(st.floats(0, 0.5))
def test_binary_entropy(share: float) -> None:
    assert binary_entropy(1 - share) == 1.0
    assert 0 <= binary_entropy(share) <= 1
    assert binary_entropy(0.11) == pytest.approx(0.499916, abs=1e-6)


# --- what must hold ---------------------------------------------------------------------------------------------------


def test_the_estimator_knows_nothing_but_public_settings_and_counts() -> None:
    """An eavesdropper and the true loss are hidden from the two ends, so from the estimation too."""
    assert {field.name for field in fields(Estimator) if field.init} == {"settings", "distillation"}
    assert list(inspect.signature(Estimator.estimate).parameters) == ["self", "counts"]
    known = {field.name for kind in (Settings, Distillation) for field in fields(kind)} | set(Counts._fields)
    assert not known & {field.name for field in fields(Optics)}


@invariant("V22")
@given(counts_of_a_block())
def test_v22_whatever_is_counted_no_key_is_longer_than_what_is_left_of_it(counts: Counts) -> None:
    sifted = sum(counts.key)
    estimate = ESTIMATOR.estimate(counts)
    assert 0 <= estimate.secret <= sifted
    assert 0 <= estimate.phase_error <= 0.5
    if estimate.secret:
        leak = STRICT.reconciliation * binary_entropy(counts.key_errors / sifted) * sifted
        overhead = 6 * log2(21 / STRICT.secrecy) + log2(2 / STRICT.correctness)
        assert estimate.secret <= sifted - leak - overhead


@invariant("V22")
@pytest.mark.parametrize("pulses", [1e9, 1e15])
@given(misalignment=st.floats(0.11, 0.5), transmittance=st.floats(1e-3, 1))
def test_v22_no_key_above_11_percent_errors(pulses: float, misalignment: float, transmittance: float) -> None:
    optics = Optics(transmittance, dark_count=0.0, afterpulse=0.0, misalignment=misalignment)
    assert ESTIMATOR.estimate(expected(optics, pulses)).qber >= 0.11 - 1e-9
    assert secret(optics, pulses) == 0


@invariant("V22")
def test_v22_no_key_where_the_finite_size_dominates() -> None:
    """The same link: one block in a thousand seconds gives key, a thousand blocks of one second give none."""
    assert secret(GOOD, 1e9) > 0
    assert secret(GOOD, 1e6) == 0


@given(counts_of_a_block(), st.integers(1, 10**6))
def test_more_errors_never_give_more_key(counts: Counts, more: int) -> None:
    assume(counts.key_errors + more <= sum(counts.key))
    worse = counts._replace(key_errors=counts.key_errors + more)
    assert ESTIMATOR.estimate(worse).secret <= ESTIMATOR.estimate(counts).secret


@given(st.floats(0, 20), st.floats(0.01, 5))
def test_key_falls_with_loss(loss: float, more: float) -> None:
    near, far = (replace(GOOD, transmittance=0.1 * 10 ** (-decibels / 10)) for decibels in (loss, loss + more))
    assert secret(far, 1e10) <= secret(near, 1e10)


@given(st.floats(1e6, 1e13), st.floats(1.01, 10))
def test_larger_blocks_give_more_key_a_pulse(pulses: float, factor: float) -> None:
    few, many = secret(GOOD, pulses), secret(GOOD, pulses * factor)
    assert (many + 1) / (pulses * factor) >= few / pulses


def test_stricter_promises_cost_key() -> None:
    counts = expected(GOOD, 1e10)
    plain = ESTIMATOR.estimate(counts).secret
    for changed in (
        replace(STRICT, secrecy=1e-12),
        replace(STRICT, correctness=1e-18),
        replace(STRICT, reconciliation=1.3),
    ):
        assert Estimator(SETTINGS, changed).estimate(counts).secret < plain


def test_promises_may_be_as_strict_as_floats_go() -> None:
    assert Estimator(SETTINGS, replace(STRICT, secrecy=1e-300)).estimate(expected(GOOD, 1e12)).secret > 0


def test_a_test_without_any_error_still_leaves_doubt() -> None:
    """Three detections free of errors don't show that millions are."""
    clean = expected(replace(GOOD, dark_count=0.0, afterpulse=0.0, misalignment=0.0), 1e9)
    assert clean.test_errors == (0, 0, 0)
    assert ESTIMATOR.estimate(clean).phase_error > 0


def test_nothing_detected_gives_nothing() -> None:
    silence = Counts((0, 0, 0), 0, (0, 0, 0), (0, 0, 0))
    assert ESTIMATOR.estimate(silence) == (0, 0.5, 0.5)


def test_photon_number_splitting_kills_the_key_without_moving_the_errors() -> None:
    """An eavesdropper who blocks single photons and lets the others pass makes decoys rarer than they should be."""
    honest = expected(GOOD, 1e10)
    split = honest._replace(
        key=(honest.key[0], honest.key[1] * 0.5, honest.key[2]),
        test=(honest.test[0], honest.test[1] * 0.5, honest.test[2]),
    )
    assert ESTIMATOR.estimate(honest).secret > 0
    assert ESTIMATOR.estimate(split).secret == 0
