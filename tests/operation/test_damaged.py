"""O2 and O4 on a live network: one with a damaged journal starts, says so, and hands out fresh key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from keytwin.operation.sealing import JOURNAL
from keytwin.vocabulary.events import JournalDamaged
from keytwin.vocabulary.identity import NodeId
from tests.marks import invariant
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.test_restart import taken


@pytest.mark.slow
@invariant("O2")
@invariant("O4")
@invariant("K1")
def test_a_damaged_network_starts_says_so_and_hands_out_fresh_key(tmp_path: Path) -> None:
    wanted = settings(network("star6"), tmp_path / "state", speed=5.0)

    async def before() -> set[bytes]:
        async with up(wanted) as office:
            assert office.status().damage == ()
            return set((await taken(office, "app23", 3)).values())

    async def after(row: int) -> set[bytes]:
        async with up(wanted) as office:
            (damage,) = office.status().damage
            assert damage.startswith(f"row {row} is not what was written, found 20")
            told = [numbered.event for numbered in office.events(0, 1_000).events]
            assert any(b"JournalDamaged" in bytes(event) for event in told)
            while not office.health.is_good(NodeId("km2")):
                await heard(office, lambda *_: True)
            return set((await taken(office, "app23", 3)).values())

    old = on_uvloop(before())
    with closing(sqlite3.connect(tmp_path / "state" / JOURNAL)) as connection, connection:
        # Anywhere behind the mark of a snapshot, if there is one.
        (row,) = connection.execute("SELECT id FROM rows ORDER BY id LIMIT 1 OFFSET 10").fetchone()
        connection.execute("UPDATE rows SET sealed = zeroblob(90) WHERE id = ?", (row,))
    fresh = on_uvloop(after(row))
    assert len(fresh) == 3
    assert not fresh & old


def test_the_event_says_which_row() -> None:
    assert JournalDamaged("row 2 is missing").damage == "row 2 is missing"
