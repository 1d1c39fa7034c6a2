"""Durable hand-outs a second of the journal alone: sealed, audited, on a disk and not in memory, 16 in each write.

Beside them what SQLite does by its own means when each hand-out is a commit, as in the null server with commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.live_benchmark import DISK
from benchmarks.null_server import committing
from benchmarks.table import Row, best_rate
from keytwin.keymanagement.pool import KeysHandedOut
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.units import Bits

WAITING: Final = 16  # requests that one write makes durable
HAND_OUTS: Final = 4_800
ALONE: Final = 300  # hand-outs of which each has a write of its own
KSID: Final = Ksid("00000000-0000-4000-8000-000000000001")
KM: Final = km_of(NodeId("a"))


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


def rows() -> Iterable[Row]:
    """Measure."""
    with TemporaryDirectory(dir=DISK) as folder:
        place = Path(folder)
        plain = best_rate(partial(commit_plainly, place, ALONE))
        reference = f"{plain:,.0f}/s: SQLite, a commit each, neither sealed nor audited"
        together = best_rate(partial(hand_out, place, HAND_OUTS, WAITING))
        yield Row(f"durable hand-outs, {WAITING} waiting", together, "/s", reference, must=10_000, aim=30_000)
        alone = best_rate(partial(hand_out, place, ALONE, 1))
        yield Row("durable hand-outs, 1 waiting", alone, "/s", reference)
