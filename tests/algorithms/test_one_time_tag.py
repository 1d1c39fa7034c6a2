"""The tag of relayed material: Poly1305 by its definition, its framing, and every forged bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.one_time_tag import KEY_OCTETS, TAG_OCTETS, tag, verify
from tests.marks import clause, invariant

KEY = bytes(range(KEY_OCTETS))
PRIME = 2**130 - 5
CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF

octets = st.binary(max_size=80)
keys = st.binary(min_size=KEY_OCTETS, max_size=KEY_OCTETS)


def poly1305(key: bytes, message: bytes) -> bytes:
    """Compute the tag as RFC 8439, 2.5.1 writes it down, in whole numbers."""
    point = int.from_bytes(key[:16], "little") & CLAMP
    value = 0
    for start in range(0, len(message), 16):
        block = message[start : start + 16] + b"\x01"
        value = (value + int.from_bytes(block, "little")) * point % PRIME
    return ((value + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


@clause("RFC 8439", "2.5.2")
def test_the_reference_knows_the_published_vector() -> None:
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    wanted = bytes.fromhex("a8061dc1305136c6c22b8baf0c0127a9")
    assert poly1305(key, b"Cryptographic Forum Research Group") == wanted


@clause("RFC 8439", "2.5.1")
@given(keys, st.lists(octets, max_size=4))
def test_the_tag_is_poly1305_of_the_framed_parts(key: bytes, parts: list[bytes]) -> None:
    assert tag(key, *parts) == poly1305(key, framed(*parts))
    assert len(tag(key, *parts)) == TAG_OCTETS


@given(keys, st.lists(st.tuples(octets, st.sampled_from([bytes, bytearray, memoryview])), max_size=4))
def test_key_among_the_parts_changes_nothing_but_that_no_copy_is_made_of_it(
    key: bytes, parts: list[tuple[bytes, type[bytes | bytearray | memoryview]]]
) -> None:
    assert tag(key, *[kind(part) for part, kind in parts]) == tag(key, *[part for part, _ in parts])


@given(keys, st.lists(octets, max_size=4))
def test_what_was_tagged_verifies(key: bytes, parts: list[bytes]) -> None:
    assert verify(key, tag(key, *parts), *parts)


@invariant("R1")
def test_r1_any_flipped_bit_is_refused() -> None:
    header, ciphertext = b"header", bytes(40)
    good = tag(KEY, header, ciphertext)
    whole = good + header + ciphertext
    for place in range(8 * len(whole)):
        forged = bytearray(whole)
        forged[place // 8] ^= 1 << place % 8
        received, rest = forged[:TAG_OCTETS], forged[TAG_OCTETS:]
        assert not verify(KEY, received, rest[: len(header)], rest[len(header) :])


@invariant("R1")
@given(st.lists(octets, max_size=4), st.lists(octets, max_size=4))
def test_r1_other_parts_never_share_a_tag(parts: list[bytes], others: list[bytes]) -> None:
    """Neither moving the border between header and ciphertext nor adding an empty part goes unseen."""
    assert (tag(KEY, *parts) == tag(KEY, *others)) == (parts == others)


@pytest.mark.parametrize("received", [b"", bytes(15), bytes(17)])
def test_a_tag_of_another_length_is_refused(received: bytes) -> None:
    assert not verify(KEY, received, b"message")


def test_key_and_parts_may_be_views_that_are_wiped_later() -> None:
    key, message = bytearray(KEY), bytearray(b"message")
    assert tag(memoryview(key), memoryview(message)) == tag(KEY, b"message")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_length_is_our_bug(size: int) -> None:
    with pytest.raises(AssertionError):
        tag(bytes(size), b"message")
