"""One-time pad and tag of a relay message: the tag covers everything, and nothing plain is left behind (R1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.relay import (
    MOST_KEYS,
    MOST_OCTETS,
    are_named,
    keys_of,
    keys_together,
    probe_is_right,
    probe_tag,
    relay_octets,
    seal,
    unseal,
)
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.units import Bits, seconds
from tests.keymanagement.parts import AB, A, B, chance, key_ids, relay_keys
from tests.marks import invariant

PLAIN = bytes(range(1, 65))
PAD = chance("pad").bytes(KEY_OCTETS + len(PLAIN))
UNSEALED = relay_keys(offset=40, floor=8, epoch=3, key_ids=key_ids("k1", "k2"), hops_left=5, remaining=seconds(10))


def sealed() -> RelayKeys:
    return seal(UNSEALED, bytearray(PLAIN), bytearray(PAD))


def test_what_was_sealed_is_unsealed() -> None:
    plain = unseal(sealed(), bytearray(PAD))
    assert plain is not None
    assert bytes(plain) == PLAIN


def test_the_ciphertext_is_the_plain_keys_under_the_pad() -> None:
    message = sealed()
    assert message.ciphertext == bytes(one ^ other for one, other in zip(PLAIN, PAD[KEY_OCTETS:], strict=True))
    assert len(PAD) == relay_octets(2, Bits(256))


def test_the_pad_is_wiped_by_its_use_and_the_plain_keys_are_kept() -> None:
    plain, pad = bytearray(PLAIN), bytearray(PAD)
    message = seal(UNSEALED, plain, pad)
    assert (bytes(plain), bytes(pad)) == (PLAIN, bytes(len(PAD)))
    for key in (bytearray(PAD), bytearray(len(PAD))):
        unseal(message, key)
        assert key == bytes(len(PAD))


@invariant("R1")
@given(st.data())
def test_any_flipped_bit_of_ciphertext_or_tag_is_noticed(data: st.DataObject) -> None:
    message = sealed()
    field = data.draw(st.sampled_from(["ciphertext", "tag"]))
    octets = bytearray(getattr(message, field))
    place = data.draw(st.integers(0, len(octets) * 8 - 1))
    octets[place // 8] ^= 1 << place % 8
    assert unseal(replace(message, **{field: bytes(octets)}), bytearray(PAD)) is None


@invariant("R1")
@pytest.mark.parametrize("field", [name for name in RelayKeys.__struct_fields__ if name not in {"ciphertext", "tag"}])
def test_the_tag_covers_every_field_of_the_header(field: str) -> None:
    message = sealed()
    match getattr(message, field):
        case bool() as value:
            changed: object = not value
        case int() as value:
            changed = value ^ 1
        case str() as value:
            changed = value[:-1] + chr(ord(value[-1]) ^ 1)
        case other:
            changed = other[::-1] or b"forged"
    assert unseal(replace(message, **{field: changed}), bytearray(PAD)) is None


@invariant("R1")
@pytest.mark.parametrize("tag", [b"", b"\0" * 16, b"\0" * 15])
def test_a_tag_of_another_length_is_wrong(tag: bytes) -> None:
    assert unseal(replace(sealed(), tag=tag), bytearray(PAD)) is None


def test_keys_share_a_buffer_and_each_wipes_its_own_part() -> None:
    buffer = bytearray(PLAIN)
    keys = keys_of(buffer, Bits(256), key_ids("k1", "k2"))
    keys[KeyId("k1")].wipe()
    assert buffer == bytes(32) + PLAIN[32:]
    with keys[KeyId("k2")].exposed() as octets:
        assert bytes(octets) == PLAIN[32:]


@pytest.mark.parametrize(
    ("size", "names", "is_right"),
    [
        (256, ("a",), True),
        (8, tuple(map(str, range(MOST_KEYS))), True),
        (8, tuple(map(str, range(MOST_KEYS + 1))), False),
        (256, (), False),
        (256, ("a", "a"), False),
        (0, ("a",), False),
        (-8, ("a",), False),
        (12, ("a",), False),
    ],
)
def test_a_message_names_some_different_keys_of_whole_octets(
    size: int, names: tuple[str, ...], *, is_right: bool
) -> None:
    assert are_named(replace(UNSEALED, key_size=Bits(size), key_ids=key_ids(*names))) is is_right


def test_the_octets_of_one_message_are_bounded_but_a_long_key_is_not_torn() -> None:
    assert keys_together(Bits(256)) == MOST_KEYS
    assert keys_together(Bits(8 * (MOST_OCTETS // 10))) == 10
    assert keys_together(Bits(8 * MOST_OCTETS * 3)) == 1


@invariant("R1")
@pytest.mark.parametrize("kind", [ProbeLink, ProbeAnswered])
def test_the_tag_of_an_active_test_covers_all_of_it(kind: type[ProbeLink | ProbeAnswered]) -> None:
    probe = kind(A, AB, 1, 64, 32, 7, b"")
    probe = replace(probe, tag=probe_tag(bytearray(PAD[:32]), probe))
    assert probe_is_right(bytearray(PAD[:32]), probe)
    wrong = {"sender": B, "link": "x", "link_epoch": 2, "offset": 65, "floor": 33, "sequence": 8, "tag": bytes(16)}
    for field, value in wrong.items():
        assert not probe_is_right(bytearray(PAD[:32]), replace(probe, **{field: value}))
    other = ProbeAnswered if kind is ProbeLink else ProbeLink
    assert not probe_is_right(bytearray(PAD[:32]), other(A, AB, 1, 64, 32, 7, probe.tag))


def test_the_key_of_an_active_test_is_wiped_by_its_use() -> None:
    key = bytearray(PAD[:32])
    probe = replace(ProbeLink(A, AB, 1, 64, 32, 7, b""), tag=probe_tag(key, ProbeLink(A, AB, 1, 64, 32, 7, b"")))
    assert key == bytes(32)
    key = bytearray(PAD[:32])
    assert probe_is_right(key, probe)
    assert key == bytes(32)
