"""Streams of chance: their own for each seed, port and element, however they are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.entropy import FIRST_REFILL, LARGEST_REFILL, SeededChance, SeededEntropy, SystemEntropy
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.ports import Entropy

KM0, KM1 = ElementName("km/km0"), ElementName("km/km1")
Draw = Callable[[SeededChance], object]


@given(st.lists(st.integers(0, 3 * FIRST_REFILL), max_size=20))
def test_the_stream_is_the_same_however_it_is_cut(counts: list[int]) -> None:
    whole = SeededEntropy(bytes(32)).bytes(sum(counts))
    pieces = SeededEntropy(bytes(32))
    assert b"".join(pieces.bytes(count) for count in counts) == whole


def test_large_draws_and_small_ones_mix() -> None:
    stream, whole = SeededEntropy(bytes(32)), SeededEntropy(bytes(32)).bytes(4 * LARGEST_REFILL)
    drawn = b"".join(stream.bytes(count) for count in (16, 2 * LARGEST_REFILL, 16, LARGEST_REFILL))
    assert whole.startswith(drawn)


def test_the_stream_is_the_documented_one() -> None:
    # AES-256-CTR of zeros under a zero key and counter: the first block is AES-256(0, 0), NIST FIPS 197.
    assert SeededEntropy(bytes(32)).bytes(16).hex() == "dc95c078a2408989ad48a21492842087"


@pytest.mark.parametrize("entropy", [SeededEntropy(bytes(32)), SystemEntropy()])
def test_filled_buffers_belong_to_the_caller_and_never_repeat(entropy: Entropy) -> None:
    one = entropy.fill(32)
    kept = bytes(one)
    one[:] = bytes(32)
    assert len(kept) == 32
    assert len({kept, bytes(entropy.fill(32)), entropy.bytes(32)}) == 3
    assert entropy.bytes(0) == b""


DRAWS: list[Draw] = [
    lambda chance: chance.entropy(KM0).bytes(8),
    lambda chance: chance.entropy(KM1).bytes(8),
    lambda chance: chance.generator(KM0).bytes(8),
    lambda chance: chance.generator(KM1).bytes(8),
    lambda chance: chance.dice("km/km0").randbytes(8),
    lambda chance: chance.dice("km/km1").randbytes(8),
    lambda chance: chance.number("km/km0", 2**64),
    lambda chance: chance.number("km/km1", 2**64),
]


def test_seeds_ports_and_elements_each_have_their_own_stream() -> None:
    drawn = [draw(SeededChance(seed)) for seed, draw in itertools.product((1, 2), DRAWS)]
    assert len({str(each) for each in drawn}) == len(drawn)


@pytest.mark.parametrize("draw", DRAWS)
def test_equal_seeds_give_equal_streams_whatever_else_is_drawn(draw: Draw) -> None:
    busy = SeededChance(1)
    for other in DRAWS:
        if other is not draw:
            other(busy)
    assert draw(busy) == draw(SeededChance(1))


def test_a_stream_is_handed_out_once_and_goes_on() -> None:
    chance = SeededChance(1)
    assert chance.entropy(KM0) is chance.entropy(KM0)
    assert chance.generator(KM0) is chance.generator(KM0)
    assert chance.entropy(KM0).bytes(8) != chance.entropy(KM0).bytes(8)


def test_the_ports_of_one_element_do_not_share_a_stream_even_in_part() -> None:
    chance = SeededChance(1)
    seeds = {chance._digest(port, "km/km0") for port in ("entropy", "physics", "runtime", "number")}
    assert len(seeds) == 4


def test_numbers_are_below_their_bound() -> None:
    assert {SeededChance(seed).number("x", 3) for seed in range(50)} == {0, 1, 2}


@pytest.mark.parametrize("entropy", [SeededEntropy(bytes(32)), SystemEntropy()])
def test_all_copies_of_a_block_are_equal_and_wiped_by_themselves(entropy: Entropy) -> None:
    block = entropy.block(1000)
    first, second = block.copy(), block.copy()
    with first.exposed() as octets:
        seen = bytes(octets)
    first.wipe()
    with second.exposed() as octets, block.copy().exposed() as third:
        assert bytes(octets) == bytes(third) == seen
    assert len(seen) == 1000
    assert len(set(seen)) > 200  # of 256 values, so it is no constant
    with entropy.block(1000).copy().exposed() as octets:
        assert bytes(octets) != seen


@pytest.mark.parametrize("entropy", [SeededEntropy(bytes(32)), SystemEntropy()])
def test_a_wiped_block_gives_no_copies(entropy: Entropy) -> None:
    block = entropy.block(8)
    block.wipe()
    with pytest.raises(AssertionError, match="no copies"):
        block.copy()


def test_a_copy_that_nobody_looks_at_is_never_drawn() -> None:
    copy = SeededEntropy(bytes(32)).block(1 << 50).copy()  # more than fits any memory
    assert copy.size == 8 << 50
    copy.wipe()
    assert copy.is_wiped
    assert copy.size == 0


def test_what_is_drawn_later_does_not_depend_on_who_has_looked() -> None:
    looked, blind = SeededEntropy(bytes(32)), SeededEntropy(bytes(32))
    with looked.block(1000).copy().exposed():
        pass
    blind.block(1000)
    assert looked.bytes(32) == blind.bytes(32)


@pytest.mark.parametrize("count", [131_071, 131_072, 131_073, 300_001])
def test_a_long_block_is_one_stream_although_it_is_drawn_in_pieces(count: int) -> None:
    block = SeededEntropy(bytes(32)).block(count)
    with block.copy().exposed() as whole:
        seen = bytes(whole)
    assert len(seen) == count
    for start in (0, 65_536, count - 100):  # each drawn by itself, within one piece
        with block.copy().cut((start, 100))[1].exposed() as part:
            assert bytes(part) == seen[start : start + 100]
    assert len({seen[start : start + 16] for start in range(0, count - 16, 16)}) == len(range(0, count - 16, 16))


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_piece_of_a_block_holds_the_octets_of_its_place(start: int, count: int) -> None:
    block = SeededEntropy(bytes(32)).block(600)
    with block.copy().exposed() as whole:
        expected = bytes(whole[start : start + count])
    piece = block.copy().cut((start, count))[1]
    with piece.exposed() as seen:
        assert bytes(seen) == expected
