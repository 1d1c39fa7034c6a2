"""Damage to a journal: what is found wrong is kept aside, and the elements begin anew behind it. Invariant O2.

A row that does not open may have been any element's: the name beside it is as doubtful as the rest, and whoever can
spoil a row could write another name. So damage concerns all elements of the journal. What was lost may have said that a
pad was used or a key handed out; so nothing that was saved before is used again, and nobody waits for a human.

That the elements have begun anew is a row of its own, sealed as all are. It leaves one number out, so that an earlier
keytwin, which knows no such row, refuses the journal instead of reading past it.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Final, NamedTuple

from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND

QUARANTINE: Final = """CREATE TABLE IF NOT EXISTS quarantine
    (at INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, why TEXT NOT NULL,
    element BLOB, data_key BLOB, sealed BLOB)"""
ANEW: Final = b"journal/anew"  # no element is called so
LEFT_OUT: Final = 1


class Damage(NamedTuple):
    """Rows of a journal, from the first to the last, and what is wrong with them."""

    first: int
    last: int
    why: str

    def __str__(self) -> str:
        if self.first == self.last:
            return f"row {self.first} {self.why}"
        return f"rows {self.first} to {self.last}: each {self.why}"


class Quarantined(NamedTuple):
    """Damage, and when it was found, in seconds since 1970."""

    at: int
    damage: Damage

    def __str__(self) -> str:
        return f"{self.damage}, found {datetime.fromtimestamp(self.at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def put_aside(connection: sqlite3.Connection, damage: list[Damage], at: int) -> None:
    """Move what is damaged out of the rows, and note what is missing; within a transaction."""
    connection.execute(QUARANTINE)
    for each in damage:
        moved = connection.execute(
            """INSERT INTO quarantine SELECT ?, id, id, ?, element, data_key, sealed
            FROM rows WHERE id BETWEEN ? AND ?""",
            (at, each.why, each.first, each.last),
        ).rowcount
        if not moved:
            note = (at, each.first, each.last, each.why)
            connection.execute("INSERT INTO quarantine VALUES (?, ?, ?, ?, NULL, NULL, NULL)", note)
        connection.execute("DELETE FROM rows WHERE id BETWEEN ? AND ?", (each.first, each.last))


def quarantined(connection: sqlite3.Connection) -> tuple[Quarantined, ...]:
    """Return all that was ever put aside. The table itself is not sealed: nothing depends on it but what is shown."""
    if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'quarantine'").fetchone()[0]:
        return ()
    found = []
    for row in connection.execute("SELECT at, first, last, why FROM quarantine ORDER BY rowid"):
        match row:
            case (int(at), int(first), int(last), bytes(why)):
                found.append(
                    Quarantined(at // NANOSECONDS_PER_SECOND, Damage(first, last, why.decode(errors="replace")))
                )
            case _:
                found.append(Quarantined(0, Damage(0, 0, "was put aside; what was noted of it is damaged too")))
    return tuple(found)
