"""Key material: a handle that can be wiped, and tells nobody what it holds."""

from __future__ import annotations

import copy
import pickle
import traceback

import msgspec
import pytest

from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from tests.marks import invariant

SECRET = b"an octet string that must not appear anywhere"


def material() -> tuple[bytearray, KeyMaterial]:
    octets = bytearray(SECRET)
    return octets, KeyMaterial(octets)


@invariant("Z5")
def test_no_text_about_a_key_holds_its_octets() -> None:
    _, secret = material()
    key = Key(KeyId("k"), secret, Provenance(Method.RELAYED, 2))
    shown = [repr(secret), str(secret), f"{secret}", f"{key!r}", f"{key}"]
    assert all("octet string" not in text and SECRET.hex() not in text for text in shown)
    assert repr(secret) == "<360-bit key>"


@invariant("Z5")
def test_a_traceback_with_a_key_among_its_locals_does_not_show_it() -> None:
    def fail() -> None:
        secret = KeyMaterial(bytearray.fromhex(SECRET.hex()))
        raise ValueError(f"could not use {secret}")

    with pytest.raises(ValueError, match="<360-bit key>") as error:
        fail()
    report = traceback.TracebackException.from_exception(error.value, capture_locals=True)
    assert "octet string" not in "".join(report.format())


@invariant("Z5")
def test_a_key_is_neither_pickled_nor_copied_nor_encoded() -> None:
    _, secret = material()
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)


def test_equality_is_that_of_the_handle() -> None:
    assert material()[1] != material()[1]
    assert len({material()[1], material()[1]}) == 2


def test_wiping_overwrites_the_octets_in_place() -> None:
    octets, secret = material()
    secret.wipe()
    secret.wipe()
    assert not any(octets)
    assert secret.is_wiped
    assert secret.size == 0
    with pytest.raises(WipedKey):
        secret.exposed()


def test_pieces_are_wiped_by_themselves() -> None:
    octets = bytearray(b"aaaabbbbcccc")
    first, second, third = KeyMaterial(octets).split(4)
    second.wipe()
    assert bytes(octets) == b"aaaa\0\0\0\0cccc"
    with first.exposed() as seen, third.exposed() as also_seen:
        assert (bytes(seen), bytes(also_seen)) == (b"aaaa", b"cccc")


def test_splitting_empties_the_whole() -> None:
    whole = KeyMaterial(bytearray(8))
    whole.split(4)
    assert whole.is_wiped
    with pytest.raises(WipedKey):
        whole.split(4)


def test_cutting_hands_on_pieces_and_wipes_what_is_left_over() -> None:
    octets = bytearray(b"aabbbcc")
    first, second = KeyMaterial(octets).cut((2, 3))
    assert bytes(octets) == b"aabbb\0\0"
    first.wipe()
    with second.exposed() as seen:
        assert bytes(seen) == b"bbb"


def test_deferred_material_is_drawn_once_when_it_is_first_looked_at() -> None:
    drawn: list[int] = []

    def draw() -> bytearray:
        drawn.append(1)
        return bytearray(b"abcd")

    secret = KeyMaterial.deferred(4, draw)
    assert (repr(secret), secret.size, drawn) == ("<32-bit key>", 32, [])
    with secret.exposed() as first, secret.exposed() as second:
        assert bytes(first) == bytes(second) == b"abcd"
    assert drawn == [1]
