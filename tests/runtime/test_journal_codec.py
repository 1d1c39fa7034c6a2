"""Records as octets: what goes in comes out, with key material in handles of its own, and nothing unknown is read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.journal_codec import RecordCodec, encode, fresh_copy, record_types
from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Record


class Placed(Record, frozen=True, gc=False):
    """A record of every kind of field that records have."""

    offset: int
    digest: bytes
    names: tuple[str, ...]
    keys: tuple[Key, ...]
    spare: KeyMaterial | None = None


class Struck(Record, frozen=True, gc=False):
    """Another record."""

    offset: int


class Odd(Record, frozen=True, gc=False):
    """A record with something that has no form in a journal."""

    what: complex


class OddBesideKey(Record, frozen=True, gc=False):
    """The same, beside key material."""

    material: KeyMaterial
    what: complex


class Listed(Record, frozen=True, gc=False):
    """A record with key in what can be changed."""

    materials: list[KeyMaterial]


def key(octets: bytes) -> Key:
    return Key(KeyId("k"), KeyMaterial(bytearray(octets)), Provenance(Method.RELAYED, 2))


def content(material: KeyMaterial | None) -> bytes | None:
    if material is None:
        return None
    with material.exposed() as octets:
        return bytes(octets)


@given(st.integers(0, 2**63), st.binary(max_size=40), st.lists(st.text(max_size=5)), st.lists(st.binary(max_size=64)))
def test_a_record_comes_back_as_it_was(offset: int, digest: bytes, names: list[str], octets: list[bytes]) -> None:
    codec = RecordCodec()
    record = Placed(offset, digest, tuple(names), tuple(key(each) for each in octets))
    back = codec.decode(codec.encode(record))
    assert isinstance(back, Placed)
    assert (back.offset, back.digest, back.names, back.spare) == (offset, digest, tuple(names), None)
    assert [content(each.material) for each in back.keys] == octets
    assert all(each.provenance == Provenance(Method.RELAYED, 2) for each in back.keys)


def test_material_read_back_is_independent_of_the_octets_and_of_every_other_reading() -> None:
    codec = RecordCodec()
    octets = codec.encode(Placed(1, b"", (), (), KeyMaterial(bytearray(b"secret"))))
    one, two = (codec.decode(octets) for _ in range(2))
    assert isinstance(one, Placed)
    assert isinstance(two, Placed)
    assert one.spare is not None
    one.spare.wipe()
    assert content(two.spare) == b"secret"


def test_a_codec_reads_the_kinds_it_was_told_or_has_written() -> None:
    octets = encode(Struck(1))
    with pytest.raises(msgspec.ValidationError, match="no record is called 'Struck'"):
        RecordCodec([Placed]).decode(octets)
    assert RecordCodec([Placed, Struck]).decode(octets) == Struck(1)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xc1",
        b"\x80",
        encode(Struck(1))[:-1],
        msgspec.msgpack.encode({"type": 1}),
        msgspec.msgpack.encode({"offset": 1}),
    ],
)
def test_what_is_no_record_is_refused(octets: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        RecordCodec([Struck]).decode(octets)


@pytest.mark.parametrize("octets", [b"\x81\xa4type\xa1\xff", b"\x81\xa1\xff\xc0"], ids=["kind", "field"])
def test_text_that_is_none_is_refused_without_showing_it(octets: bytes) -> None:
    several: list[list[type[Record]]] = [[], [Struck], [Placed, Struck]]
    for kinds in several:
        with pytest.raises(msgspec.DecodeError) as refused:
            RecordCodec(kinds).decode(octets)
        assert "xff" not in str(refused.value)


def test_two_kinds_of_one_name_are_refused() -> None:
    twin = type("Struck", (Record,), {"__annotations__": {"offset": int}}, frozen=True)
    with pytest.raises(AssertionError, match="two kinds of record are called Struck"):
        RecordCodec([Struck, twin])


def test_wiped_key_is_never_written_as_nothing() -> None:
    record = Placed(1, b"", (), (), KeyMaterial(bytearray(b"secret")))
    assert record.spare is not None
    record.spare.wipe()
    with pytest.raises(WipedKey):
        RecordCodec().encode(record)


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="type complex is unsupported"):
        RecordCodec().encode(Odd(1j))
    with pytest.raises(NotImplementedError, match="complex has no form here in a journal"):
        RecordCodec().encode(OddBesideKey(KeyMaterial(bytearray(b"secret")), 1j))


def test_key_where_it_would_not_be_wiped_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="KeyMaterial has no form here in a journal"):
        RecordCodec().encode(Listed([KeyMaterial(bytearray(b"secret"))]))


def test_a_fresh_copy_is_equal_in_content_and_has_its_own_material() -> None:
    original = key(b"secret")
    copy = fresh_copy(original)
    original.material.wipe()
    assert (copy.key_id, content(copy.material)) == ("k", b"secret")


def test_known_kinds_are_keytwins_own_each_name_once() -> None:
    kinds = record_types()
    assert all(kind.__module__.startswith("keytwin.") for kind in kinds)
    RecordCodec(kinds)
