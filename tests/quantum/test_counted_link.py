"""A link that is nothing but counts: the draws have the mean and the spread that are foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.counted_link import CountedLink, Promises
from keytwin.quantum.link import DistilledBlock
from keytwin.vocabulary.units import Bits, seconds
from tests.quantum.shipped import chance


@dataclass(frozen=True)
class HalfOfTheRight:
    """Half of what is right, less ten times what is wrong and a fixed price."""

    price: float = 100.0
    qber_limit: float = 0.045

    def signed_length(self, counts: Sequence[float]) -> float:
        return counts[0] / 2 - 10 * counts[1] - self.price


LINK = CountedLink((0.02, 0.0004, 0.003), 2, HalfOfTheRight(), 1_000_000, seconds(2))


def test_the_outlook_is_exact_where_the_length_is_linear() -> None:
    mean, deviation = LINK.outlook()
    assert mean == pytest.approx(20_000 / 2 - 4_000 - 100 - 0.5)
    assert deviation == pytest.approx(np.sqrt(0.25 * 20_000 * 0.98 + 100 * 400 * 0.9996))


@pytest.mark.parametrize("price", [100.0, 5_600.0, 6_200.0])
def test_the_mean_of_the_draws_is_the_expected_rate(price: float) -> None:
    """Also where half of the blocks are discarded."""
    link = replace(LINK, estimator=HalfOfTheRight(price))
    generator = chance()
    blocks = [link.draw_block(generator) for _ in range(2_000)]
    mean, error = mean_and_error([block.secret / 2 for block in blocks])
    assert abs(mean - link.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - link.rate().qber) < 4 * error


def test_sifted_bits_and_errors_are_those_of_the_key_cells() -> None:
    block = LINK.draw_block(chance())
    assert block.sifted == pytest.approx(20_400, rel=0.05)
    assert block.qber == pytest.approx(0.0004 / 0.0204, rel=0.3)
    both = replace(LINK, cells=(0.02, 0.0004, 0.01, 0.0002), key_cells=4)
    assert both.draw_block(chance()).sifted == pytest.approx(30_600, rel=0.05)


def test_a_block_without_key_is_discarded_not_negative() -> None:
    assert replace(LINK, estimator=HalfOfTheRight(1e6)).draw_block(chance()).secret == 0


def test_nothing_detected_is_a_coin_toss() -> None:
    dark = replace(LINK, cells=(0.0, 0.0, 0.0))
    assert dark.draw_block(chance()) == DistilledBlock(seconds(2), Bits(0), 0.5, Bits(0))
    assert dark.rate().qber == 0.5


def test_the_same_generator_state_gives_the_same_blocks() -> None:
    assert LINK.draw_block(chance(7)) == LINK.draw_block(chance(7)) != LINK.draw_block(chance(8))


def test_promises_cost_bits() -> None:
    assert Promises(1.16, 2**-49).overhead == 50
    assert Promises(1.16, 2**-49, 2**-30).overhead == 110


def test_a_link_with_other_cells_draws_from_these() -> None:
    """What a draw is made from is kept beside the cells: it has to go along with them."""
    calm = CountedLink((0.2, 0.0), 2, HalfOfTheRight(), 10_000, seconds(1))
    turned = replace(calm, cells=(0.0, 0.2))
    assert calm.draw_block(chance()).qber == 0.0
    assert turned.draw_block(chance()).qber == 1.0
    silent = replace(calm, cells=(0.0, 0.0))
    assert silent.draw_block(chance()).sifted == 0
    assert calm == replace(calm)
    assert hash(calm) == hash(replace(calm))
