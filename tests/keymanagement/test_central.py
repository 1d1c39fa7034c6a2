"""Keys by a central point: equal at both ends, told to nobody, and no sum believed before the maker's tag is right."""

from __future__ import annotations

import random
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag
from keytwin.keymanagement.relay import (
    begin_central,
    conclude,
    lengths_of,
    pass_on,
    relay_octets,
    unseal,
)
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.units import Bits
from tests.keymanagement.test_announced import drawn, first_message
from tests.marks import invariant

BOTH = 2 * KEY_OCTETS  # of tag keys in front of each range


def unsealed(number: int = 1, size: Bits = Bits(8)) -> RelayKeys:
    return replace(first_message(number, size), is_announced=False)


def carried(links: list[bytes], message: RelayKeys) -> tuple[RelayKeys, bytearray, bytearray, list[bytes]]:
    """Carry keys over these links, each its tag keys and its key.

    Return the last message, the keys, what the far end makes of the message, and what nodes between announce.
    """
    sealed, plain = begin_central(message, bytearray(links[0]))
    announced = []
    for come, go in pairwise(links):
        own = unseal(sealed, bytearray(come), is_end=False)
        assert own is not None
        assert own[KEY_OCTETS:] == come[BOTH:]  # no more than its own link's key
        assert own[:KEY_OCTETS] == links[0][KEY_OCTETS:BOTH]
        passed = replace(sealed, hops_left=sealed.hops_left - 1)
        sealed, told = pass_on(passed, own, bytearray(go))
        announced.append(told)
    held = unseal(sealed, bytearray(links[-1]))
    assert held is not None
    return sealed, plain, held, announced


def summed(announced: list[bytes]) -> bytes:
    total = 0
    for each in announced:
        total ^= int.from_bytes(each, "big")
    return total.to_bytes(len(announced[0]), "big")


@invariant("K2")
@given(st.integers(2, 12), st.integers(1, 5), st.integers(1, 40), st.integers())
def test_the_far_end_reads_the_first_links_key(hops: int, number: int, size: int, seed: int) -> None:
    links = drawn(random.Random(seed), hops, KEY_OCTETS + number * size)
    sealed, plain, held, announced = carried(links, unsealed(number, Bits(8 * size)))
    assert announced == [bytes(a ^ b for a, b in zip(x[BOTH:], y[BOTH:], strict=True)) for x, y in pairwise(links)]
    assert len(sealed.ciphertext) == lengths_of(sealed).told == KEY_OCTETS
    assert len(links[0]) == lengths_of(sealed).taken == relay_octets(number, Bits(8 * size), is_central=True)
    concluded = conclude(sealed, held, summed(announced))
    assert concluded is not None
    assert bytes(plain) == bytes(concluded) == links[0][BOTH:]
    assert not any(held)


@invariant("K2")
@invariant("R1")
@given(st.integers(2, 5), st.integers(), st.binary(min_size=8, max_size=8))
def test_no_other_sum_leads_to_a_key(hops: int, seed: int, spoil: bytes) -> None:
    sealed, _, held, announced = carried(drawn(random.Random(seed), hops, KEY_OCTETS + 8), unsealed(8))
    is_right = conclude(sealed, held, summed([*announced, spoil])) is not None
    assert is_right == (not any(spoil))
    assert not any(held)


@invariant("R1")
@pytest.mark.parametrize("length", [0, 7, 9, 40])
def test_nor_does_a_sum_of_another_length(length: int) -> None:
    sealed, _, held, _ = carried(drawn(random.Random(1), 3, KEY_OCTETS + 8), unsealed(8))
    assert conclude(sealed, held, bytes(length)) is None


@invariant("R1")
@given(st.integers(2, 4), st.integers(), st.sampled_from(["ciphertext", "end_tag", "tag"]), st.integers(0, 127))
def test_a_flip_in_what_the_next_node_is_told_is_seen(hops: int, seed: int, name: str, place: int) -> None:
    links = drawn(random.Random(seed), hops, KEY_OCTETS + 8)
    sealed, *_ = carried(links, unsealed(8))
    flipped = bytearray(getattr(sealed, name))
    flipped[place // 8] ^= 1 << place % 8
    assert unseal(replace(sealed, **{name: bytes(flipped)}), bytearray(links[-1])) is None


@invariant("R1")
@pytest.mark.parametrize(
    "change", [{"key_ids": (KeyId("other"),)}, {"batch_id": "other"}, {"key_size": Bits(16)}, {"onward": False}]
)
def test_the_tag_from_end_to_end_covers_what_the_keys_are_called(change: dict[str, object]) -> None:
    sealed, _, held, announced = carried(drawn(random.Random(2), 3, KEY_OCTETS + 1), unsealed())
    assert conclude(replace(sealed, **change), held, summed(announced)) is None


def test_all_that_the_point_hears_and_says_leaves_every_key_as_likely_as_any_other() -> None:
    """Counted out for keys of two bit on four links: 4**4 ways, and each view has one for every key."""
    counts: dict[tuple[int, ...], dict[int, int]] = {}
    for links in product(range(4), repeat=4):
        announced = [come ^ go for come, go in pairwise(links)]
        view = (*announced, announced[0] ^ announced[1] ^ announced[2])
        seen = counts.setdefault(view, {})
        seen[links[0]] = seen.get(links[0], 0) + 1
    assert len(counts) == 4**3
    assert all(seen == dict.fromkeys(range(4), 1) for seen in counts.values())


def test_so_does_the_tag_that_goes_with_the_message() -> None:
    """Whatever the first half of its key is, for every key octet there is one second half that gives the tag seen."""
    half = bytes(range(16))
    seen = tag(half + b"\x5a" * 16, b"named", b"\x77")
    for octet in range(256):
        hashed = int.from_bytes(tag(half + bytes(16), b"named", bytes([octet])), "little")
        other = (int.from_bytes(seen, "little") - hashed) % 2**128
        assert tag(half + other.to_bytes(16, "little"), b"named", bytes([octet])) == seen
