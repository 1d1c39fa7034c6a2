"""One kind of pulse: the formulas of Tomamichel et al., Nat. Commun. 3 634, with tagged pulses, and what must hold."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from math import exp, log, log2, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from keytwin.quantum.bb84_asymptotic import Bb84
from keytwin.quantum.decoy_bb84 import Cells, Optics
from keytwin.quantum.finite_key import Distillation, binary_entropy
from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, NoDecoySettings, PhotonSource, Source, _most
from tests.marks import invariant

STRICT = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
GOOD = Optics(transmittance=0.05, dark_count=6e-7, afterpulse=0.0, misalignment=5e-3)
PHOTONS = PhotonSource(brightness=0.6)
BUNCHED = PhotonSource(brightness=0.6, bunching=0.01)
LASER = CoherentSource(0.03)
SOURCES = (PHOTONS, BUNCHED, LASER)
PULSES = 10**10

counts = st.tuples(*[st.integers(0, 10**9)] * 4)


def settings(source: Source, basis: float = 0.85) -> NoDecoySettings:
    return NoDecoySettings(source, basis)


def estimator(source: Source, pulses: int = PULSES, promise: Distillation = STRICT) -> NoDecoyEstimator:
    return NoDecoyEstimator(settings(source), promise, pulses)


def expected(source: Source, optics: Optics = GOOD, pulses: int = PULSES) -> Cells:
    return tuple(pulses * cell for cell in settings(source).cells(optics))


def secret(source: Source, optics: Optics = GOOD, pulses: int = PULSES) -> float:
    return max(0.0, estimator(source, pulses).signed_length(expected(source, optics, pulses)))


# --- the formulas -----------------------------------------------------------------------------------------------------


def test_single_photons_give_the_length_of_the_paper() -> None:
    """Eqs. (1) and (2): l = n (1 - h(Q + mu)) - leak - log2(2 / (eps_sec^2 eps_cor))."""
    right, wrong, test_right, test_wrong = cells = expected(PHOTONS)
    n, k = right + wrong, test_right + test_wrong
    mu = sqrt((n + k) / (n * k) * (k + 1) / k * log(4 / STRICT.secrecy))
    leak = 1.16 * binary_entropy(wrong / n) * n
    overhead = log2(2 / (STRICT.secrecy**2 * STRICT.correctness))
    by_the_book = n * (1 - binary_entropy(test_wrong / k + mu)) - leak - overhead
    assert estimator(PHOTONS).signed_length(cells) == pytest.approx(by_the_book, rel=1e-9)
    assert by_the_book > 0


@pytest.mark.parametrize("source", [BUNCHED, LASER])
def test_pulses_with_several_photons_are_the_eavesdroppers(source: Source) -> None:
    right, wrong, test_right, test_wrong = cells = expected(source)

    def untagged(count: float, basis: float) -> float:
        mean = PULSES * basis**2 * source.several
        exponent = log(4 / STRICT.secrecy)
        return count - mean - (exponent + sqrt(exponent**2 + 8 * mean * exponent)) / 2

    n, k = untagged(right + wrong, 0.85), untagged(test_right + test_wrong, 0.15)
    mu = sqrt((n + k) / (n * k) * (k + 1) / k * log(8 / STRICT.secrecy))
    leak = 1.16 * binary_entropy(wrong / (right + wrong)) * (right + wrong)
    overhead = log2(8 / (STRICT.secrecy**2 * STRICT.correctness))
    by_the_book = n * (1 - binary_entropy(test_wrong / k + mu)) - leak - overhead
    assert estimator(source).signed_length(cells) == pytest.approx(by_the_book, rel=1e-9)
    assert by_the_book > 0


@pytest.mark.parametrize("source", SOURCES)
def test_endless_blocks_come_near_the_asymptotic_rate(source: Source) -> None:
    """The same optics by the formulas of endless blocks, with all pulses sent for the key."""
    pulses, basis = 10**18, 0.999
    link = NoDecoySettings(source, basis)
    length = NoDecoyEstimator(link, STRICT, pulses).signed_length([pulses * cell for cell in link.cells(GOOD)])
    endless = Bb84(0.05, 6e-7, 5e-3, reconciliation=1.16, sifting=1.0)
    if isinstance(source, CoherentSource):
        assert length / pulses == pytest.approx(float(endless.no_decoy_rate(source.intensity)), rel=5e-3)
    else:
        assert length / pulses < float(endless.single_photon_rate()) * 0.6
        assert length / pulses > float(endless.single_photon_rate()) * 0.6 * (0.98 if source is PHOTONS else 0.9)


@given(st.floats(1e-9, 3))
def test_a_laser_emits_several_photons_as_poisson_says(mu: float) -> None:
    assert CoherentSource(mu).several == pytest.approx(float(poisson.sf(1, mu)), rel=1e-6)


def test_a_laser_is_a_bunched_source_of_its_brightness() -> None:
    """g2 = 1 bounds what a laser emits: mu^2 / 2."""
    assert CoherentSource(1e-3).several == pytest.approx(PhotonSource(1e-3, 1.0).several, rel=1e-3)
    assert CoherentSource(0.5).several < PhotonSource(0.5, 1.0).several


@given(st.floats(1e-6, 1), st.floats(0, 1), st.floats(0, 1))
def test_what_a_photon_source_makes_visible(brightness: float, bunching: float, eta: float) -> None:
    """One photon or two: no more is seen than the mean number that arrives."""
    optics = Optics(eta, dark_count=0.0, afterpulse=0.0, misalignment=0.0)
    click, wrong = PhotonSource(brightness, bunching).answer(optics)
    assert wrong == 0
    assert eta * brightness / 2 <= click <= eta * brightness


@pytest.mark.parametrize(("pulses", "share"), [(10**6, 1e-6), (10**6, 1e-4), (10**9, 1e-5), (10**4, 0.3)])
@pytest.mark.parametrize("failure", [1e-3, 1e-10])
def test_chernoff_covers_the_tail_of_the_binomial(pulses: int, share: float, failure: float) -> None:
    most = _most(pulses * share, failure)
    assert float(binom.sf(most, pulses, share)) <= failure
    assert float(binom.sf((most + pulses * share) / 2, pulses, share)) > failure**2, "and is not idle"


def test_a_source_that_never_fails_has_nothing_tagged() -> None:
    assert _most(0.0, 1e-10) == 0


# --- what must hold ---------------------------------------------------------------------------------------------------


def test_the_estimator_knows_nothing_but_what_is_public_and_counts() -> None:
    assert {field.name for field in fields(NoDecoyEstimator) if field.init} == {"settings", "distillation", "pulses"}
    assert list(inspect.signature(NoDecoyEstimator.signed_length).parameters) == ["self", "cells"]


def test_a_test_basis_is_needed() -> None:
    with pytest.raises(AssertionError):
        NoDecoySettings(PHOTONS, 1.0)


@invariant("V22")
@pytest.mark.parametrize("source", SOURCES)
@given(cells=counts)
def test_v22_whatever_is_counted_no_key_is_longer_than_what_is_left_of_it(
    source: Source, cells: tuple[int, ...]
) -> None:
    sifted = cells[0] + cells[1]
    length = estimator(source).signed_length(cells)
    if length > 0:
        leak = STRICT.reconciliation * binary_entropy(cells[1] / sifted) * sifted
        assert length <= sifted - leak - log2(2 / (STRICT.secrecy**2 * STRICT.correctness))


@invariant("V22")
@pytest.mark.parametrize("source", SOURCES)
@given(misalignment=st.floats(0.11, 0.5), transmittance=st.floats(1e-3, 1))
def test_v22_no_key_above_11_percent_errors(source: Source, misalignment: float, transmittance: float) -> None:
    optics = Optics(transmittance, dark_count=0.0, afterpulse=0.0, misalignment=misalignment)
    assert secret(source, optics, 10**15) == 0


@invariant("V22")
@pytest.mark.parametrize("source", SOURCES)
def test_v22_no_key_where_the_finite_size_dominates(source: Source) -> None:
    assert secret(source) > 0
    assert secret(source, pulses=10**4) == 0
    assert estimator(source).signed_length((0, 0, 0, 0)) < 0


@pytest.mark.parametrize("source", SOURCES)
@given(cells=counts, share=st.floats(0, 1))
def test_more_errors_never_give_more_key(source: Source, cells: tuple[int, ...], share: float) -> None:
    right, wrong, test_right, test_wrong = cells
    turned, test_turned = int(share * right), int(share * test_right)
    length = max(0.0, estimator(source).signed_length(cells))
    for worse in (
        (right - turned, wrong + turned, test_right, test_wrong),
        (right, wrong, test_right - test_turned, test_wrong + test_turned),
    ):
        assert max(0.0, estimator(source).signed_length(worse)) <= length


@pytest.mark.parametrize("source", SOURCES)
@given(loss=st.floats(0, 20), more=st.floats(0.01, 5))
def test_key_falls_with_loss(source: Source, loss: float, more: float) -> None:
    near, far = (replace(GOOD, transmittance=0.1 * 10 ** (-decibels / 10)) for decibels in (loss, loss + more))
    assert secret(source, far) <= secret(source, near)


@pytest.mark.parametrize("source", SOURCES)
def test_stricter_promises_cost_key(source: Source) -> None:
    cells = expected(source)
    plain = estimator(source).signed_length(cells)
    for changed in (
        replace(STRICT, secrecy=1e-12),
        replace(STRICT, correctness=1e-18),
        replace(STRICT, reconciliation=1.3),
    ):
        assert estimator(source, promise=changed).signed_length(cells) < plain


def test_a_laser_too_bright_gives_nothing() -> None:
    """As many pulses with several photons as arrive: an eavesdropper could know all of the key."""
    assert secret(CoherentSource(0.03)) > 0
    assert secret(CoherentSource(0.1)) == 0
    assert CoherentSource(0.1).several == pytest.approx(1 - 1.1 * exp(-0.1))
