"""Rooms for key material outside the interpreter's heap: wiped when nobody has them, unseen by images and children."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.arena import CHUNK, LARGEST_SHARED, MOST_EMPTY, SMALLEST_ROOM, Arena, keep_key_in
from keytwin.vocabulary.errors import WipedKey
from keytwin.vocabulary.key import KeyMaterial
from tests.architecture.source import ROOT
from tests.marks import invariant

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and the calls of Linux")


@pytest.fixture
def arena(monkeypatch: pytest.MonkeyPatch) -> Arena:
    made = Arena()
    monkeypatch.setattr(KeyMaterial, "room", bytearray)
    keep_key_in(made)
    return made


def octets_of(material: KeyMaterial) -> bytes:
    with material.exposed() as octets:
        return bytes(octets)


def test_material_moves_in_and_leaves_nothing_behind(arena: Arena) -> None:
    source = bytearray(b"x" * 40)
    material = KeyMaterial(source)
    assert source == bytes(40)
    assert octets_of(material) == b"x" * 40
    assert arena.lent == 1
    assert arena.octets == CHUNK


def test_a_room_is_overwritten_and_used_again_when_its_material_is_gone(arena: Arena) -> None:
    kept = KeyMaterial(bytearray(b"k" * 32))
    for _ in range(10_000):
        KeyMaterial(bytearray(b"y" * 32))  # never wiped: dropped as after an error
    gc.collect()
    assert arena.lent == 1
    assert arena.octets == CHUNK
    assert bytes(arena.room(32)) == bytes(32)
    assert octets_of(kept) == b"k" * 32


@pytest.mark.parametrize("count", [33, 4_097, 40_000, 65_537, LARGEST_SHARED + 1, CHUNK + 1])
def test_rooms_are_hardly_larger_than_what_is_in_them(arena: Arena, count: int) -> None:
    rooms = [arena.room(count) for _ in range(2 * CHUNK // count + 2)]
    held = sum(room.nbytes for room in rooms)
    assert arena.octets <= CHUNK + max(held * 5 // 4, len(rooms) * (count + SMALLEST_ROOM))


def test_the_pages_of_a_large_room_go_with_it(arena: Arena) -> None:
    large = arena.room(LARGEST_SHARED + 1)
    taken, locked = arena.octets, arena.locked
    assert taken > LARGEST_SHARED
    del large
    gc.collect()
    assert (arena.octets, arena.lent) == (0, 0)
    assert arena.locked == locked - (taken if locked else 0)


def test_chunks_without_a_room_in_use_go_but_for_a_few(arena: Arena) -> None:
    kept = arena.room(64)
    kept[:] = b"k" * 64
    rooms = [arena.room(LARGEST_SHARED // 2) for _ in range(16 * 20)]
    taken, locked = arena.octets, arena.locked
    assert taken >= 20 * CHUNK
    rooms.clear()
    gc.collect()
    assert arena.lent == 1
    assert MOST_EMPTY * CHUNK <= arena.octets <= (MOST_EMPTY + 2) * CHUNK
    assert arena.locked == arena.octets or locked < taken, "not all could be locked in the first place"
    assert bytes(kept) == b"k" * 64


@given(st.lists(st.tuples(st.integers(1, LARGEST_SHARED), st.integers(1, 40), st.booleans()), max_size=40))
def test_rooms_stay_what_they_are_while_others_come_and_go(turns: list[tuple[int, int, bool]]) -> None:
    arena = Arena()
    rooms: list[tuple[int, memoryview]] = []
    for number, (size, count, drops) in enumerate(turns):
        for _ in range(count):
            room = arena.room(size)
            assert not any(room)
            room[:1] = room[-1:] = bytes([number + 1])
            rooms.append((number + 1, room))
            del room
        if drops:
            del rooms[: len(rooms) - count // 2]
        assert all(room[0] == room[-1] == number for number, room in rooms)
    assert arena.lent == len(rooms)
    rooms.clear()
    assert arena.octets <= (MOST_EMPTY + 1) * CHUNK


def test_wiping_gives_the_room_back(arena: Arena) -> None:
    material = KeyMaterial(bytearray(b"z" * 100))
    material.wipe()
    material.wipe()
    assert arena.lent == 0
    with pytest.raises(WipedKey):
        material.exposed()


def test_pieces_have_rooms_of_their_own(arena: Arena) -> None:
    whole = KeyMaterial(bytearray(range(96)))
    first, *rest = whole.split(32)
    assert [octets_of(piece)[0] for piece in (first, *rest)] == [0, 32, 64]
    first.wipe()
    assert octets_of(rest[0]) == bytes(range(32, 64))
    again = rest[1].cut((8, 8))
    assert [octets_of(piece) for piece in again] == [bytes(range(64, 72)), bytes(range(72, 80))]
    assert arena.lent == 3, "the room of the whole lasts as long as one of its pieces, and two have their own"
    rest[0].wipe()
    assert arena.lent == 2
    assert whole.is_wiped


@given(st.lists(st.integers(0, 3 * CHUNK), max_size=12))
def test_rooms_never_overlap_and_are_of_the_size_asked_for(sizes: list[int]) -> None:
    arena = Arena()
    rooms = [arena.room(size) for size in sizes]
    for number, room in enumerate(rooms):
        room[:] = bytes([number + 1]) * len(room)
    assert [(len(room), set(room)) for room in rooms] == [
        (size, {number + 1} if size else set()) for number, size in enumerate(sizes)
    ]
    assert arena.lent == sum(1 for size in sizes if size)
    assert arena.octets >= SMALLEST_ROOM or not any(sizes)


@ON_LINUX
@invariant("Z5")
def test_z5_the_pages_are_left_out_of_images_and_of_children(arena: Arena) -> None:
    room = arena.room(64)
    room[:] = b"a canary in a mine" * 3 + b"0123456789"
    flags = _flags_of_pages_with(b"dd", b"wf")
    assert flags, "no mapping has both: MADV_DONTDUMP and MADV_WIPEONFORK"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, bytes(room))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 64) == bytes(64)
    assert bytes(room).startswith(b"a canary")


def _flags_of_pages_with(*wanted: bytes) -> list[bytes]:
    lines = Path("/proc/self/smaps").read_bytes().splitlines()
    return [line for line in lines if line.startswith(b"VmFlags:") and set(wanted) <= set(line.split())]


@ON_LINUX
def test_pages_are_locked_as_far_as_the_limit_goes() -> None:
    """In a process of its own: a limit that was lowered stays so."""
    program = """
import resource
from keytwin.runtime.arena import CHUNK, Arena
import ctypes, os
resource.setrlimit(resource.RLIMIT_MEMLOCK, (2 * CHUNK, 2 * CHUNK))
arena = Arena()
rooms = [arena.room(CHUNK) for _ in range(4)]
print(arena.locked // CHUNK, arena.octets // CHUNK, bytes(rooms[3][:1]) == b"\\0")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_env())
    locked, octets, is_usable = run.stdout.split()
    assert (octets, is_usable) == ("4", "True")
    assert int(locked) == (4 if os.geteuid() == 0 else 2)  # root may lock what it likes


@ON_LINUX
@invariant("Z5")
def test_z5_a_process_that_is_closed_can_be_looked_into_by_no_other_of_its_user() -> None:
    program = """
import ctypes
from keytwin.runtime.arena import close_to_others
assert close_to_others()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_env())
    assert run.stdout.strip() == "0"


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}
