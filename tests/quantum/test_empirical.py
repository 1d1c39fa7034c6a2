"""The black box: its blocks have the figures of its data sheet, whatever lies between the modules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.empirical import Empirical, empirical_link
from keytwin.quantum.link import rectified
from keytwin.vocabulary.device import EmpiricalDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId
from keytwin.vocabulary.units import BitsPerSecond, Duration, seconds
from tests.quantum.shipped import chance, lossy

BOX = EmpiricalDevice(
    name=DeviceId("box"),
    about="",
    protocol="empirical",
    sources={},
    rate=BitsPerSecond(50_000),
    qber=0.03,
    block_time=seconds(10),
    deviation=0.05,
)


def link(device: EmpiricalDevice = BOX, loss: float = 10.0) -> Empirical:
    return empirical_link(device, lossy(loss))


def test_the_rate_is_that_of_the_data_sheet_whatever_the_loss() -> None:
    assert link(loss=60.0).rate() == link(loss=0.0).rate() == pytest.approx((50_000, 0.03))


@pytest.mark.parametrize("deviation", [0.0, 0.05, 0.8])
def test_the_mean_of_the_draws_is_the_expected_rate(deviation: float) -> None:
    """Also where every tenth block would be negative and counts as nothing."""
    model, generator = link(replace(BOX, deviation=deviation)), chance()
    mean, error = mean_and_error([model.draw_block(generator).secret / 10 for _ in range(2_000)])
    assert abs(mean - model.rate().secret) <= max(4 * error, 0.1)


def test_a_tiny_rate_is_not_rounded_away() -> None:
    model, generator = link(replace(BOX, rate=BitsPerSecond(1), block_time=seconds(0.25), deviation=0.0)), chance()
    mean, error = mean_and_error([model.draw_block(generator).secret for _ in range(2_000)])
    assert abs(mean - 0.25) < 4 * error


def test_blocks_are_whole_and_carry_the_error_rate() -> None:
    block = link().draw_block(chance())
    assert isinstance(block.secret, int)
    assert (block.duration, block.qber, block.sifted) == (10_000_000_000, 0.03, 0)
    assert link().block_time == block.duration


def test_the_same_generator_state_gives_the_same_blocks() -> None:
    first, second = chance(), chance()
    assert [link().draw_block(first) for _ in range(10)] == [link().draw_block(second) for _ in range(10)]


@pytest.mark.parametrize("changes", [{"rate": BitsPerSecond(0)}, {"block_time": Duration(0)}])
def test_a_box_without_output_is_a_mistake(changes: dict[str, int]) -> None:
    with pytest.raises(Mistake, match="device box: rate and block_time must be above 0"):
        link(replace(BOX, **changes))  # type: ignore[arg-type]  # a quantity of either field


def test_rectified_normal() -> None:
    assert rectified(5.0, 0.0) == 5.0
    assert rectified(-5.0, 0.0) == 0.0
    assert rectified(0.0, 1.0) == pytest.approx(0.3989423)
    assert rectified(50.0, 1.0) == pytest.approx(50.0)
    assert rectified(-50.0, 1.0) == pytest.approx(0.0, abs=1e-100)
