"""Key material: a handle that can be wiped, and tells nobody what it holds."""

from __future__ import annotations

import copy
import pickle
import traceback

import msgspec
import pytest

from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance, copied, exposed_together
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


def test_a_piece_is_split_and_cut_like_a_whole() -> None:
    octets = bytearray(b"aaaabbbbcccc")
    first, second, third = KeyMaterial(octets).split(4)
    left, right = second.split(2)
    (start,) = third.cut((3,))
    assert second.is_wiped
    assert third.is_wiped
    assert (left.size, start.size) == (16, 24)
    left.wipe()
    assert bytes(octets) == b"aaaa\0\0bb\0\0\0\0"
    for piece, content in ((first, b"aaaa"), (right, b"bb"), (start, b"ccc")):
        with piece.exposed() as seen:
            assert bytes(seen) == content


def test_an_exposed_piece_reaches_nothing_but_itself() -> None:
    octets = bytearray(b"aaaabbbbcccc")
    piece = KeyMaterial(octets).split(4)[1]
    with piece.exposed() as seen, piece.inspected() as read:
        assert (len(seen), len(read), read.readonly) == (4, 4, True)
        seen[:] = b"BBBB"
    assert bytes(octets) == b"aaaaBBBBcccc"


def test_splitting_empties_the_whole() -> None:
    whole = KeyMaterial(bytearray(8))
    whole.split(4)
    assert whole.is_wiped
    with pytest.raises(WipedKey):
        whole.split(4)


def test_cutting_hands_on_pieces_with_room_of_their_own_and_wipes_where_they_were() -> None:
    octets = bytearray(b"aabbbcc")
    first, second = KeyMaterial(octets).cut((2, 3))
    assert not any(octets)
    first.wipe()
    with second.exposed() as seen:
        assert bytes(seen) == b"bbb"


ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


class Drawing:
    """Draws parts of the alphabet, and remembers which."""

    def __init__(self) -> None:
        self.drawn: list[tuple[int, int]] = []

    def __call__(self, start: int, count: int) -> bytearray:
        self.drawn.append((start, count))
        return bytearray(ALPHABET[start : start + count])


def test_deferred_material_is_drawn_once_when_it_is_first_exposed() -> None:
    drawing = Drawing()
    secret = KeyMaterial.deferred(4, drawing)
    assert (repr(secret), secret.size, drawing.drawn) == ("<32-bit key>", 32, [])
    with secret.exposed() as first, secret.exposed() as second:
        first[0] = ord("A")
        assert bytes(second) == b"Abcd"
    assert drawing.drawn == [(0, 4)]


def test_pieces_of_deferred_material_are_deferred() -> None:
    drawing = Drawing()
    first, second = KeyMaterial.deferred(10, drawing).cut((3, 5))
    assert drawing.drawn == []
    with second.exposed() as seen:
        assert bytes(seen) == b"defgh"
    first.wipe()
    assert drawing.drawn == [(3, 5)]


def test_deferred_material_is_split_undrawn_and_wiped_undrawn() -> None:
    drawing = Drawing()
    first, second = KeyMaterial.deferred(8, drawing, start=2).split(4)
    first.wipe()
    assert drawing.drawn == []
    with second.exposed() as seen:
        assert bytes(seen) == b"ghij"
    assert drawing.drawn == [(6, 4)]


def test_inspected_material_is_not_kept() -> None:
    drawing = Drawing()
    secret = KeyMaterial.deferred(4, drawing)
    for _ in range(2):
        with secret.inspected() as seen:
            assert bytes(seen) == b"abcd"
            assert seen.readonly
    assert drawing.drawn == [(0, 4), (0, 4)]
    secret.wipe()
    with pytest.raises(WipedKey):
        secret.inspected()


def test_what_was_exposed_is_never_drawn_again() -> None:
    secret = KeyMaterial.deferred(4, Drawing())
    with secret.exposed() as octets:
        octets[:2] = bytes(2)
    with secret.inspected() as seen:
        assert bytes(seen) == b"\0\0cd"
    (piece,) = secret.cut((4,))
    with piece.exposed() as seen:
        assert bytes(seen) == b"\0\0cd"


def test_many_keys_are_shown_together_and_no_longer_than_the_block() -> None:
    drawing = Drawing()
    keys = [KeyMaterial(bytearray(b"key")), KeyMaterial.deferred(2, drawing)]
    with exposed_together(keys) as views:
        assert [bytes(view) for view in views] == [b"key", b"ab"]
        views[0][0] = ord("K")
    for view in views:
        with pytest.raises(ValueError, match="released"):
            bytes(view)
    with keys[0].exposed() as octets:
        assert bytes(octets) == b"Key"


def test_of_many_keys_all_are_shown_or_none() -> None:
    keys = [KeyMaterial(bytearray(b"key")), KeyMaterial(bytearray(b"gone"))]
    keys[1].wipe()
    together = exposed_together(keys)
    with pytest.raises(WipedKey), together:
        pass
    keys[0].wipe()
    assert keys[0].is_wiped


def test_a_key_of_another_size_than_usual_is_wiped_as_well() -> None:
    for count in (0, 1, 31, 32, 33):
        buffer = bytearray(b"k" * count)
        KeyMaterial(buffer).wipe()
        assert buffer == bytes(count)


def test_material_that_is_copied_leaves_its_source_as_it_is() -> None:
    source = b"secret"
    material = copied(source)
    assert material.size == 48
    with material.exposed() as octets:
        assert bytes(octets) == source
    material.wipe()
    assert (source, material.is_wiped) == (b"secret", True)
    assert copied(b"").size == 0


def test_blank_material_is_zeros_to_be_written_to() -> None:
    material = KeyMaterial.blank(3)
    with material.exposed() as octets:
        assert bytes(octets) == bytes(3)
        octets[1:] = b"ab"
    with material.inspected() as octets:
        assert bytes(octets) == b"\0ab"
