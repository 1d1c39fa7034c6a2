"""What the tests of snapshots share: the records of the golden network, and ways to say them in short."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

from keytwin.files.network import read_network
from keytwin.keymanagement.manager import KeyManager
from keytwin.network import Plugins, elements, shorten
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Machine, Record
from keytwin.vocabulary.units import Instant, seconds
from tests.runtime.golden_journals import GOLDEN, opened

BLUEPRINT: Final = read_network(str(GOLDEN / "network.yaml"))
CODEC: Final = RecordCodec(record_types())
NOW: Final = Instant(seconds(15))  # behind the life of the golden network


@cache
def golden() -> dict[ElementName, list[bytes]]:
    """Return what each element of the golden network saved."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "journal.db")
        shutil.copy(GOLDEN / "format-2.db", copy)
        with closing(opened(copy)) as journal:
            return {name: written(journal.records(name)) for name in elements(BLUEPRINT, SeededChance(1), Plugins())}


def written(records: Iterable[Record]) -> list[bytes]:
    return [CODEC.encode(record) for record in records]


def read(saved: Iterable[bytes]) -> list[Record]:
    return [CODEC.decode(octets) for octets in saved]


def short(element: ElementName, saved: Sequence[bytes]) -> list[bytes]:
    """Say records in short; an element that is not known how to keeps all it has."""
    made = elements(BLUEPRINT, SeededChance(1), Plugins())
    records = shorten(made, BLUEPRINT, element, read(saved), NOW)
    return list(saved) if records is None else written(records)


def shorten_golden(element: ElementName, records: list[Record]) -> Iterable[Record] | None:
    return shorten(elements(BLUEPRINT, SeededChance(1), Plugins()), BLUEPRINT, element, records, NOW)


def restored(element: ElementName, saved: Iterable[bytes]) -> tuple[Machine, str]:
    """Restore a machine; return it with all that it then does and says. Key material shows as its size only."""
    machine = elements(BLUEPRINT, SeededChance(1), Plugins())[element]()
    return machine, repr(machine.restore(read(saved), NOW))


def books(machine: Machine) -> object:
    return (machine.link_accounts(), machine.key_account()) if isinstance(machine, KeyManager) else None
