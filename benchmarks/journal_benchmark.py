"""Durable hand-outs a second of the journal alone: sealed, audited, on a disk and not in memory, 16 in each write.

Beside them what SQLite does by its own means when each hand-out is a commit, as in the null server with commits. And
the processor's time for a snapshot of what a key manager saved of keys that came, most of which were handed out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.live_benchmark import DISK
from benchmarks.null_server import committing
from benchmarks.table import Row, best_rate
from keytwin.files.network import read_network
from keytwin.keymanagement.forwarding import HopKept
from keytwin.keymanagement.pool import KeysHandedOut, KeysKept
from keytwin.network import Plugins, elements, shorten
from keytwin.runtime.arena import Arena, keeping_key_in
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Record
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Bits, Instant, seconds

WAITING: Final = 16  # requests that one write makes durable
HAND_OUTS: Final = 4_800
ALONE: Final = 300  # hand-outs of which each has a write of its own
KSID: Final = Ksid("00000000-0000-4000-8000-000000000001")
KM: Final = km_of(NodeId("km0"))
NETWORK: Final = Path(__file__).with_name("bench.yaml")
BATCHES: Final = 256  # of keys that came, 64 in each
LEFT: Final = 64  # of these, the newest, of which no key was handed out
TOGETHER: Final = 64


def hand_out(folder: Path, number: int, together: int) -> int:
    """Make so many hand-outs durable, as many as wait in each write; return how many that were."""
    envelope, codec = Envelope(KeyFile.at(folder / "key")), RecordCodec(record_types())
    with TemporaryDirectory(dir=folder) as own:
        journal = Journal.open(Path(own) / "journal.db", envelope, codec)
        for first in range(0, number, together):
            for each in range(first, first + together):
                journal.stage(KM, handed_out(each))
            journal.commit()
        assert len(journal.records(KM)) == number
        journal.close()
    return number


def handed_out(number: int) -> KeysHandedOut:
    """Return the record of one key for one master."""
    key_id = KeyId(f"00000000-0000-4000-8000-{number:012x}")
    return KeysHandedOut(KSID, is_master=True, key_ids=(key_id,), sae=SaeId("master"), key_size=Bits(256))


def commit_plainly(folder: Path, number: int) -> int:
    """Commit as many rows one by one, neither sealed nor audited."""
    with TemporaryDirectory(dir=folder) as own:
        commit = committing(str(Path(own) / "rows.db"))
        for _ in range(number):
            commit()
    return number


def seconds_of_snapshot(folder: Path) -> float:
    """Let batches of keys come and go, then take a snapshot; return the processor's time for it."""
    blueprint = read_network(str(NETWORK))

    def shortened(element: ElementName, records: list[Record]) -> list[Record] | None:
        return shorten(elements(blueprint, SeededChance(1), Plugins()), blueprint, element, records, Instant(0))

    envelope, codec = Envelope(KeyFile.at(folder / "key")), RecordCodec(record_types())
    with TemporaryDirectory(dir=folder) as own, keeping_key_in(Arena()):
        journal = Journal.open(Path(own) / "journal.db", envelope, codec)
        route = ConfigureHop(KSID, epoch=1, priority=0, lease=seconds(60), batch=TOGETHER)
        journal.stage(KM, HopKept(route))
        for number in range(BATCHES):
            journal.stage(KM, came(number))
            if number >= LEFT:
                gone = came(number - LEFT).key_ids
                journal.stage(KM, KeysHandedOut(KSID, True, gone, SaeId("master"), Bits(256)))  # noqa: FBT003  # is_master
            journal.commit()
        began = time.process_time()
        journal.shorten_by(shortened, longest_tail=0)
        took = time.process_time() - began
        kept = [record for record in journal.records(KM) if isinstance(record, KeysKept)]
        assert len(kept) == LEFT
        journal.close()
    return took


def came(number: int) -> KeysKept:
    """Return the record of one batch."""
    names = range(number * TOGETHER, (number + 1) * TOGETHER)
    return KeysKept(
        ksid=KSID,
        batch_id=f"00000000-0000-4000-8000-{number:012x}",
        is_master=True,
        sae=SaeId("master"),
        key_ids=tuple(KeyId(f"00000000-0000-4000-8000-{name:012x}") for name in names),
        materials=tuple(KeyMaterial(bytearray(32)) for _ in names),
        provenance=Provenance(Method.RELAYED, 2),
        until=Instant(1 << 62),
    )


def rows() -> Iterable[Row]:
    """Measure."""
    with TemporaryDirectory(dir=DISK) as folder:
        place = Path(folder)
        took = min(seconds_of_snapshot(place) for _ in range(3))
        name = f"snapshot of {BATCHES * TOGETHER} keys that came, and {(BATCHES - LEFT) * TOGETHER} that went"
        yield Row(name, 1000 * took, "ms CPU", must=200, aim=60, is_cost=True)
        plain = best_rate(partial(commit_plainly, place, ALONE))
        reference = f"{plain:,.0f}/s: SQLite, a commit each, neither sealed nor audited"
        together = best_rate(partial(hand_out, place, HAND_OUTS, WAITING))
        yield Row(f"durable hand-outs, {WAITING} waiting", together, "/s", reference, must=10_000, aim=30_000)
        alone = best_rate(partial(hand_out, place, ALONE, 1))
        yield Row("durable hand-outs, 1 waiting", alone, "/s", reference)
