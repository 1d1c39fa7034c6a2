"""Sealing at rest: what is sealed opens only as it was, where it was, under the key it was sealed with."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime import envelope as module
from keytwin.runtime.envelope import (
    KEY,
    LARGE,
    MESSAGES_PER_DATA_KEY,
    NONCE,
    STORE,
    TAG,
    DataKey,
    Envelope,
    KeyEncryptionKey,
    KeyFile,
    SealBroken,
    WrappedKey,
)
from keytwin.vocabulary.errors import FileMistake
from tests.marks import clause, invariant

OURS = bytes(range(KEY))
FILE = KeyFile(OURS)
IDENTITY = b"i" * STORE
OTHER = b"j" * STORE
NIST = "NIST SP 800-38D"


def fresh(store: bytes = IDENTITY, number: int = 1, key: KeyEncryptionKey = FILE) -> DataKey:
    return Envelope(key).fresh(store, number, first=1)[0]


# --- rows -----------------------------------------------------------------------------------------------------------


@given(st.integers(1, 2**63 - 1), st.binary(max_size=64), st.binary(max_size=300))
def test_what_is_sealed_opens_in_its_place(row: int, element: bytes, octets: bytes) -> None:
    key = fresh()
    sealed = key.seal(row, element, octets)
    assert len(sealed) == NONCE + len(octets) + TAG
    assert key.open(row, element, sealed) == octets


@pytest.mark.parametrize("length", [LARGE - 1, LARGE, 3 * LARGE])
def test_large_rows_are_sealed_as_small_ones_are(length: int) -> None:
    key, octets = fresh(), bytes(length)
    first, second = (bytes(key.seal(7, b"km/a", octets)) for _ in range(2))
    assert first[:NONCE] != second[:NONCE]
    assert len(first) == NONCE + length + TAG
    assert key.open(7, b"km/a", first) == key.open(7, b"km/a", second) == octets
    with pytest.raises(SealBroken):
        key.open(8, b"km/a", first)


@given(st.data())
def test_no_bit_can_be_altered(data: st.DataObject) -> None:
    key = fresh()
    sealed = bytearray(key.seal(7, b"km/a", b"what was saved"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        key.open(7, b"km/a", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, NONCE - 1, NONCE, NONCE + TAG - 1, NONCE + TAG])
def test_what_is_cut_short_is_no_seal(length: int) -> None:
    key = fresh()
    with pytest.raises(SealBroken):
        key.open(1, b"km/a", key.seal(1, b"km/a", b"what was saved")[:length])


@pytest.mark.parametrize(("row", "element"), [(8, b"km/a"), (7, b"km/b"), (7, b"km/"), (7, b""), (7, b"km/aa")])
def test_a_row_opens_in_no_other_place(row: int, element: bytes) -> None:
    key = fresh()
    with pytest.raises(SealBroken):
        key.open(row, element, key.seal(7, b"km/a", b"what was saved"))


def test_a_row_opens_under_no_other_data_key_nor_in_another_store() -> None:
    envelope = Envelope(FILE)
    key, wrapped = envelope.fresh(IDENTITY, 1, first=1)
    sealed = key.seal(7, b"km/a", b"what was saved")
    same = envelope.read(IDENTITY, wrapped)
    assert same.open(7, b"km/a", sealed) == b"what was saved"
    for other in (fresh(), fresh(number=2), fresh(OTHER)):
        with pytest.raises(SealBroken):
            other.open(7, b"km/a", sealed)


def test_a_row_is_bound_to_its_store_even_where_two_have_the_same_data_key() -> None:
    place = WrappedKey(1, 1, "", b"")
    ours, theirs = (DataKey(store, place, OURS, left=1) for store in (IDENTITY, OTHER))
    with pytest.raises(SealBroken):
        theirs.open(7, b"km/a", ours.seal(7, b"km/a", b"what was saved"))


@clause(NIST, "8.2.2")
def test_no_nonce_is_used_twice() -> None:
    key = fresh()
    assert len({key.seal(1, b"km/a", b"")[:NONCE] for _ in range(500)}) == 500


@clause(NIST, "8.3")
def test_a_data_key_seals_so_many_messages_and_no_more() -> None:
    assert fresh().left == MESSAGES_PER_DATA_KEY == 2**32
    key, _ = Envelope(FILE, messages_per_key=2).fresh(IDENTITY, 1, first=1)
    for row in (1, 2):
        key.seal(row, b"km/a", b"")
    with pytest.raises(AssertionError, match="spent"):
        key.seal(3, b"km/a", b"")
    with pytest.raises(AssertionError):
        Envelope(FILE, messages_per_key=MESSAGES_PER_DATA_KEY + 1)


# --- data keys ------------------------------------------------------------------------------------------------------


def test_a_data_key_of_an_earlier_opening_only_reads() -> None:
    envelope = Envelope(FILE)
    earlier = envelope.read(IDENTITY, envelope.fresh(IDENTITY, 1, first=1)[1])
    with pytest.raises(AssertionError, match="spent"):
        earlier.seal(1, b"km/a", b"")


@pytest.mark.parametrize(("number", "first"), [(2, 5), (1, 6)])
def test_a_data_key_is_bound_to_its_number_and_its_first_row(number: int, first: int) -> None:
    envelope = Envelope(FILE)
    wrapped = envelope.fresh(IDENTITY, 1, first=5)[1]
    with pytest.raises(SealBroken):
        envelope.read(IDENTITY, wrapped._replace(number=number, first=first))


def test_a_data_key_is_bound_to_its_store_and_to_what_wrapped_it() -> None:
    wrapped = Envelope(FILE).fresh(IDENTITY, 1, first=1)[1]
    assert wrapped.wrapped_by == Envelope(FILE).name == FILE.name
    with pytest.raises(SealBroken):
        Envelope(FILE).read(OTHER, wrapped)
    with pytest.raises(SealBroken):
        Envelope(KeyFile(bytes(KEY))).read(IDENTITY, wrapped)


class Plain:
    """A key-encryption key that wraps nothing, so that a test can look inside."""

    name = "plain:"

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        return data_key + context

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        if wrapped[KEY:] != context:
            raise SealBroken
        return wrapped[:KEY]


def test_any_kind_of_key_encryption_key_serves_and_each_data_key_is_drawn_afresh() -> None:
    envelope = Envelope(Plain())
    one, two = (envelope.fresh(IDENTITY, number, first=1) for number in (1, 2))
    assert envelope.read(IDENTITY, one[1]).open(1, b"", one[0].seal(1, b"", b"octets")) == b"octets"
    assert one[1].octets[:KEY] != two[1].octets[:KEY]


# --- the key file ---------------------------------------------------------------------------------------------------


@invariant("Z5")
def test_a_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "journal.key"
    made, again = KeyFile.at(path), KeyFile.at(path)
    assert made.name == again.name
    assert again.unwrap(made.wrap(b"data key", b"context"), b"context") == b"data key"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o700, 0o600]
    assert [each.name for each in path.parent.iterdir()] == ["journal.key"]
    assert len(path.read_bytes()) == KEY


def test_two_key_files_differ(tmp_path: Path) -> None:
    one, two = (KeyFile.at(tmp_path / name) for name in ("one", "two"))
    assert one.name != two.name
    with pytest.raises(SealBroken):
        two.unwrap(one.wrap(b"data key", b""), b"")


def test_who_makes_the_file_second_finds_the_key_of_the_first(tmp_path: Path) -> None:
    first = KeyFile.at(tmp_path / "key")
    module._make_key_file(tmp_path / "key")  # as a process does that looked before the first one's was there
    assert KeyFile.at(tmp_path / "key").name == first.name
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


@invariant("Z5")
def test_the_name_of_a_key_tells_nothing_of_it() -> None:
    assert FILE.name.startswith("file:")
    told = bytes.fromhex(FILE.name.removeprefix("file:"))
    assert not any(OURS[start : start + 4] in told for start in range(KEY))
    wrapped = FILE.wrap(OURS, b"")
    assert OURS not in wrapped


@pytest.mark.parametrize("length", [0, KEY - 1, KEY + 1])
def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path, length: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(length))
    path.chmod(0o600)
    with pytest.raises(FileMistake, match=rf"key: holds {length} octets, not a key of 32 \(put back"):
        KeyFile.at(path)
    assert path.read_bytes() == bytes(length)


def test_a_key_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    KeyFile.at(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(FileMistake, match="chmod 600"):
        KeyFile.at(tmp_path / "key")
