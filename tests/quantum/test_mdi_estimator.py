"""What the two ends make of counts: bounds that hold, and that endless blocks reach nearly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiEstimator, MdiSettings
from tests.marks import invariant

OPTICS = RelayOptics(0.1, 0.1, 1e-7, 0.015)
SETTINGS = MdiSettings(0.5, 0.2, 0.01, (0.5, 0.1, 0.3))
PROMISES = Promises(1.16, 1e-15, 1e-10)
ENDLESS = 10**18


def expected(settings: MdiSettings, optics: RelayOptics, pulses: int) -> list[float]:
    return [pulses * cell for cell in settings.cells(optics)]


def test_cells_are_probabilities_in_their_order() -> None:
    cells = SETTINGS.cells(OPTICS)
    assert len(cells) == 13
    assert min(cells) >= 0
    assert sum(cells) < 1
    gain, wrong = OPTICS.rectilinear(0.5, 0.5)
    assert cells[0] + cells[1] == pytest.approx(0.25 * float(gain))
    assert cells[1] == pytest.approx(0.25 * float(wrong))
    dark, _ = OPTICS.diagonal(0.01, 0.0)
    assert cells[4] + cells[5] == pytest.approx(0.3 * 0.1 * float(dark))
    assert cells[11] == pytest.approx(0.1 * 0.1 * float(OPTICS.diagonal(0.2, 0.0)[0]))


@given(
    near=st.floats(1e-3, 0.9), far=st.floats(1e-3, 0.9), dark=st.floats(0, 1e-4), turned=st.floats(0, 0.2),
    strong=st.floats(0.05, 1.0), weaker=st.floats(0.05, 0.8),
)  # fmt: skip
def test_bounds_on_single_photons_hold(
    near: float, far: float, dark: float, turned: float, strong: float, weaker: float
) -> None:
    optics = RelayOptics(near, far, dark, turned)
    settings = MdiSettings(0.5, strong, strong * weaker, (0.5, 0.1, 0.3), tilt=1.3)
    estimator = MdiEstimator(settings, PROMISES, ENDLESS)
    single, wrong = estimator.single(expected(settings, optics, ENDLESS))
    seen, erroneous = (float(each) for each in optics.single())
    assert single <= seen * (1 + 1e-6)
    assert wrong >= erroneous * (1 - 1e-6)


def test_endless_blocks_come_near_endless_decoys() -> None:
    settings = replace(SETTINGS, weak=5e-4, strong=0.02)
    single, wrong = MdiEstimator(settings, PROMISES, ENDLESS).single(expected(settings, OPTICS, ENDLESS))
    seen, erroneous = (float(each) for each in OPTICS.single())
    assert single == pytest.approx(seen, rel=0.02)
    assert wrong == pytest.approx(erroneous, rel=0.2)
    length = MdiEstimator(SETTINGS, PROMISES, ENDLESS).signed_length(expected(SETTINGS, OPTICS, ENDLESS))
    assert 0.5 < length / ENDLESS / (0.25 * float(OPTICS.rate(0.5, 0.5, 1.16))) < 1


@pytest.mark.parametrize("pulses", [10**10, 10**12, 10**14])
def test_a_larger_block_gives_more_of_its_pulses(pulses: int) -> None:
    shares = [
        MdiEstimator(SETTINGS, PROMISES, size).signed_length(expected(SETTINGS, OPTICS, size)) / size
        for size in (pulses, 10 * pulses)
    ]
    assert shares[0] < shares[1]


@invariant("V22")
def test_v22_no_key_above_the_error_limit_and_none_of_nothing() -> None:
    estimator = MdiEstimator(SETTINGS, PROMISES, ENDLESS)
    noisy = expected(SETTINGS, replace(OPTICS, misalignment=0.13), ENDLESS)
    assert estimator.signed_length(noisy) < 0
    assert estimator.signed_length([0] * 13) == -PROMISES.overhead


@invariant("V22")
@given(st.lists(st.integers(0, 10**9), min_size=13, max_size=13))
def test_v22_never_more_than_what_was_sifted_less_what_was_revealed(counts: list[int]) -> None:
    length = MdiEstimator(SETTINGS, PROMISES, 10**12).signed_length(counts)
    assert length <= counts[0] + counts[1] - PROMISES.overhead or length < 0


@pytest.mark.parametrize(
    "changes", [{"weak": 0.2}, {"weak": 0.0}, {"signal": 0.0}, {"shares": (0.5, 0.2, 0.3)}, {"shares": (0.0, 0.2, 0.3)}]
)
def test_settings_that_the_proof_does_not_cover_are_our_bug(changes: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]  # any field may be changed
