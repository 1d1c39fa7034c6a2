"""Batches of keys in a journal: one room for all keys of a batch, and none for those that only change their row."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from keytwin.keymanagement.pool import KeysHandedOut, KeysKept
from keytwin.runtime.arena import Arena, keeping_key_in
from keytwin.runtime.journal_codec import RecordCodec, encode, encode_and_wipe, record_types
from keytwin.runtime.journal_keys import InPlace, KeysRead
from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.units import Instant
from tests.marks import invariant
from tests.runtime import golden_journals
from tests.runtime.shortening import golden, read, short, shorten_golden, written

NAME = km_of(NodeId("a"))
CODEC = RecordCodec(record_types())
CONTENTS = tuple(bytes([number]) * 32 for number in range(1, 6))


def kept(contents: tuple[bytes, ...] = CONTENTS) -> KeysKept:
    return KeysKept(
        ksid=Ksid("s"),
        batch_id="b",
        is_master=True,
        sae=SaeId("x"),
        key_ids=tuple(KeyId(f"k{number}") for number in range(len(contents))),
        materials=tuple(KeyMaterial(bytearray(each)) for each in contents),
        provenance=Provenance(Method.RELAYED, 2),
        until=Instant(7),
    )


def decoded(octets: bytes | bytearray) -> KeysKept:
    record = CODEC.decode(bytes(octets))
    assert isinstance(record, KeysKept)
    return record


def to_copy(octets: bytes) -> KeysKept:
    [record] = CODEC.decode_each_to_copy([octets], [])
    assert isinstance(record, KeysKept)
    return record


def contents_of(record: KeysKept) -> list[bytes]:
    return [bytes(each.inspected()) for each in record.materials]


def test_what_is_read_has_the_fields_of_what_is_written() -> None:
    assert KeysRead.__struct_fields__ == KeysKept.__struct_fields__
    assert KeysRead.__struct_config__.tag == KeysKept.__struct_config__.tag


# --- with handles ---------------------------------------------------------------------------------------------------


def test_keys_of_one_batch_share_a_room_which_goes_with_the_last_of_them() -> None:
    octets = encode(kept())
    with keeping_key_in(arena := Arena()):
        record = decoded(octets)
        assert contents_of(record) == list(CONTENTS)
        assert arena.lent == 1
        record.materials[0].wipe()
        assert contents_of(msgspec.structs.replace(record, materials=record.materials[1:])) == list(CONTENTS[1:])
        for material in record.materials:
            material.wipe()
        assert arena.lent == 0


@pytest.mark.parametrize("contents", [(), (b"",), (b"", b""), (b"one", b"other"), (b"one",)])
def test_a_batch_of_any_keys_comes_back(contents: tuple[bytes, ...]) -> None:
    record = decoded(encode(kept(contents)))
    assert contents_of(record) == list(contents)
    assert len(set(map(id, record.materials))) == len(contents)


# --- without --------------------------------------------------------------------------------------------------------


def test_a_batch_that_is_copied_is_the_same_octets_and_no_key_of_it_can_be_looked_at() -> None:
    octets = encode(kept())
    with keeping_key_in(arena := Arena()):
        record = to_copy(octets)
        assert arena.lent == 0
        with pytest.raises(WipedKey):
            record.materials[0].exposed()
        record.materials[0].wipe()  # as of one that has left: the others have not
        assert encode_and_wipe(record) == octets


@pytest.mark.parametrize("left", [(0,), (4,), (1, 3), (0, 1, 2, 3), ()])
def test_of_a_batch_of_which_some_have_left_the_others_are_copied(left: tuple[int, ...]) -> None:
    record, whole = to_copy(encode(kept())), kept()
    some = [
        msgspec.structs.replace(
            each,
            key_ids=tuple(each.key_ids[place] for place in left),
            materials=tuple(each.materials[place] for place in left),
        )
        for each in (record, whole)
    ]
    assert encode_and_wipe(some[0]) == encode(some[1])


def test_what_has_changed_of_a_batch_is_written_as_it_is_now() -> None:
    later = msgspec.structs.replace(to_copy(encode(kept())), until=Instant(9))
    assert decoded(encode_and_wipe(later)).until == 9


def test_keys_with_handles_are_wiped_when_they_are_written_for_good() -> None:
    record = kept()
    assert encode_and_wipe(record) == encode(kept())
    assert all(each.is_wiped for each in record.materials)


def test_what_a_batch_was_read_from_may_go_at_once_and_its_copy_is_told() -> None:
    octets, copies = bytearray(encode(kept())), list[bytearray]()
    [record] = CODEC.decode_each_to_copy([octets], copies)
    octets[:] = bytes(len(octets))
    assert encode_and_wipe(record) == encode(kept())
    assert copies == [encode(kept())]


def test_a_stand_in_is_no_key() -> None:
    [stand_in] = set(to_copy(encode(kept())).materials)
    assert isinstance(stand_in, InPlace)
    assert (stand_in.size, repr(stand_in)) == (0, "<wiped key>")
    with pytest.raises(WipedKey):
        encode(to_copy(encode(kept())))


@invariant("O1")
def test_o1_a_snapshot_that_copies_says_what_one_that_reads_all_keys_says(tmp_path: Path) -> None:
    batches = [each for each in read(golden()[NAME]) if isinstance(each, KeysKept)]
    masters = [each for each in batches if each.is_master]
    leave = [
        KeysHandedOut(each.ksid, is_master=each.is_master, key_ids=each.key_ids[: 1 + place % 3])
        for place, each in enumerate(batches)
    ]
    saved = [*golden()[NAME], *written(leave)]
    with closing(golden_journals.opened(tmp_path / "journal.db")) as journal:
        for record in read(saved):
            journal.stage(NAME, record)
        journal.commit()
        journal.shorten_by(shorten_golden, longest_tail=0)
        copied = written(journal.records(NAME))
    assert copied == short(NAME, saved)
    assert masters
    assert len(masters) < len(batches)
