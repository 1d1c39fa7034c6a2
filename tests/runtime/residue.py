"""`python -m tests.runtime.residue FOLDER`: lets a journal write, read and shorten key, and looks for it in the memory.

A process of its own, in which nobody else has key: prints how often it was found while it was held, and afterwards.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.blocks import BlockHeld
from keytwin.keymanagement.kept import DirectionKept, StockKept
from keytwin.keymanagement.pool import KeysKept
from keytwin.runtime.arena import Arena, keep_key_in
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.identity import KeyId, Ksid, LinkId, NodeId, SaeId, km_of
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Record
from keytwin.vocabulary.units import Instant
from tests.process_memory import memory

NAME: Final = km_of(NodeId("a"))
LINK: Final = LinkId("a--b")
TURNED: Final = bytes(each ^ 0xFF for each in os.urandom(8))  # with which each key begins, never in the clear here
KEY: Final = 32  # octets
ROUNDS: Final = 20


def keys(number: int) -> bytearray:
    """Return so many keys that can be found."""
    octets = bytearray(os.urandom(KEY * number))
    for start in range(0, len(octets), KEY):
        for place, each in enumerate(TURNED, start):
            octets[place] = each ^ 0xFF
    return octets


def saved() -> list[Record]:
    """Return each kind of record with key in it that a key manager saves."""
    batch = KeysKept(
        ksid=Ksid("s"),
        batch_id="b",
        is_master=True,
        sae=SaeId("x"),
        key_ids=tuple(map(KeyId, uuids(os.urandom(16 * 64)))),
        materials=tuple(KeyMaterial(keys(64)).split(KEY)),
        provenance=Provenance(Method.RELAYED, 2),
        until=Instant(1 << 60),
    )
    block = BlockHeld(LINK, 1, True, 0, 0, KeyMaterial(keys(100)), KeyMaterial(keys(100)))  # noqa: FBT003  # is_placed
    directions = [DirectionKept(0, 0, 0, 0, 0, KeyMaterial(keys(300))) for _ in range(2)]
    return [batch, block, StockKept(LINK, 1, 1, False, *directions)]  # noqa: FBT003  # is_anew


def wiped(records: list[Record]) -> None:
    """Wipe what records hold."""
    for record in records:
        match record:
            case KeysKept(materials=materials):
                held = list(materials)
            case BlockHeld(first=first, second=second):
                held = [first, second]
            case StockKept(out=out, incoming=incoming):
                held = [out.material, incoming.material]
            case _:
                held = []
        for material in held:
            material.wipe()


def found() -> int:
    """Count the places in the memory of this process where a key begins, what is looked for among them."""
    wanted = bytes(each ^ 0xFF for each in TURNED)
    return sum(octets.count(wanted) for _, octets in memory(os.getpid()))


def main(folder: str) -> None:
    """Write, read and shorten."""
    keep_key_in(Arena())
    envelope = Envelope(KeyFile.at(Path(folder) / "key"))
    before = found()
    with closing(Journal.open(Path(folder) / "journal.db", envelope, RecordCodec(record_types()))) as journal:
        for _ in range(ROUNDS):
            records = saved()
            for record in records:
                journal.stage(NAME, record)
            journal.commit()
            wiped(records)
        read = journal.records(NAME)
        held = found()
        wiped(read)
        journal.shorten_by(lambda *_: None, longest_tail=0)
        wiped(journal.records(NAME))
        sys.stdout.write(f"{held - before} {found() - before}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
