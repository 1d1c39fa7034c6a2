"""Base64 and hexadecimal of keys: right, in buffers that are overwritten."""

from __future__ import annotations

import base64
import ctypes
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service import encoding
from keytwin.service.encoding import (
    SALT_OCTETS,
    fingerprint,
    join_and_wipe,
    key_container,
    quoted_base64,
    quoted_hex,
)
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from tests.marks import clause, invariant


@clause("RFC 4648", "4")
@given(st.binary(max_size=200))
def test_a_key_is_a_json_string_of_padded_base64(octets: bytes) -> None:
    text = quoted_base64(KeyMaterial(bytearray(octets)))
    assert base64.b64decode(json.loads(text), validate=True) == octets


def test_the_material_stays_for_the_caller_to_wipe() -> None:
    material = KeyMaterial(bytearray(b"octets"))
    quoted_base64(material)
    assert not material.is_wiped


@invariant("Z5")
def test_pieces_that_hold_key_are_overwritten_when_they_are_joined() -> None:
    text = quoted_base64(KeyMaterial(bytearray(32)))
    whole = join_and_wipe([b'{"key":', text, b"}"])
    assert json.loads(whole) == {"key": base64.b64encode(bytes(32)).decode()}
    assert text == bytes(len(text))


def test_digests_are_equal_for_equal_keys_under_one_salt_only() -> None:
    first, second = KeyMaterial(bytearray(32)), KeyMaterial(bytearray(32))
    salt = bytes(SALT_OCTETS)
    assert fingerprint(first, salt) == fingerprint(second, salt)
    assert fingerprint(first, salt) != fingerprint(first, bytes([1]) * SALT_OCTETS)


@clause("RFC 4648", "8")
@given(st.binary(max_size=200))
def test_a_key_is_a_json_string_of_hexadecimal(octets: bytes) -> None:
    material = KeyMaterial(bytearray(octets))
    assert json.loads(quoted_hex(material)) == octets.hex()
    assert not material.is_wiped


@pytest.mark.invariant("K5")
@pytest.mark.parametrize("octets", [0, 1, 2, 3, 16, 32, 33, 4096])
@pytest.mark.parametrize("number", [1, 2, 64])
def test_a_container_is_written_in_the_one_buffer_that_was_made_for_it(
    octets: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A buffer that had grown or shrunk would have left its content where it was, out of anybody's reach."""
    places: list[int] = []

    class Watched:
        def encode_into(self, value: object, text: bytearray) -> None:
            places.append(address(text))
            msgspec.json.Encoder().encode_into(value, text)
            places.append(address(text))

    monkeypatch.setattr(encoding, "_ENCODER", Watched())
    keys = [bytes([each]) * octets for each in range(number)]
    extension = msgspec.Raw(b'{"method":"adjacent","hops":1}')
    origin = Provenance(Method.ADJACENT, 1)
    given_keys = [Key(KeyId(f"id-{i}"), KeyMaterial(bytearray(key)), origin) for i, key in enumerate(keys)]
    text = key_container(given_keys, {origin: extension}.__getitem__)
    assert places[0] == places[1]
    assert json.loads(text)["keys"] == [
        {"key_ID": f"id-{i}", "key": base64.b64encode(key).decode(), "key_extension": {"method": "adjacent", "hops": 1}}
        for i, key in enumerate(keys)
    ]


def address(text: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(text))
