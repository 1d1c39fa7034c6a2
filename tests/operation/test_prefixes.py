"""A journal that ends at any Save is a legal state of every element that writes to it (invariant O1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from keytwin.keymanagement.manager import KeyManager
from keytwin.network import Plugins, elements, standing
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, fresh_copy, record_types
from keytwin.scenario.ledger import open_books
from keytwin.vocabulary.events import KeysReady
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Machine, Record
from keytwin.vocabulary.units import Instant
from tests.marks import invariant
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.test_restart import fetched, taken

MOST_PREFIXES = 120  # of one element: the first and the last ones, and some in between
BACK = Instant(2**61)  # later than anything that a run of today has saved


async def some_life(state: Path) -> None:
    """Let a network make keys, hand some out, and take others in."""
    async with up(settings(network("star6"), state, speed=5.0)) as office:
        for app in ("app01", "app23", "app45"):
            keys = await taken(office, app, 2)
            await fetched(office, app, tuple(keys))
        await heard(office, lambda _, event: isinstance(event, KeysReady))


def saved(state: Path) -> dict[ElementName, list[Record]]:
    folder = state / "journal"
    journal = Journal.open(folder / "journal.db", Envelope(KeyFile.at(folder / "key")), RecordCodec(record_types()))
    try:
        return {name: journal.records(name) for name in makers()}
    finally:
        journal.close()


def makers() -> dict[ElementName, Callable[[], Machine]]:
    return elements(network("star6"), SeededChance(1), Plugins(), customers=standing)


def lengths(records: Sequence[Record]) -> list[int]:
    step = max(1, len(records) // MOST_PREFIXES)
    return sorted({*range(0, len(records) + 1, step), len(records)})


@pytest.mark.slow
@invariant("O1")
def test_every_prefix_of_a_live_journal_is_a_legal_state(tmp_path: Path) -> None:
    on_uvloop(some_life(tmp_path / "state"))
    journals, make = saved(tmp_path / "state"), makers()
    assert sum(map(len, journals.values())) > 100
    for name, records in journals.items():
        for length in lengths(records):
            machine = make[name]()
            machine.restore([fresh_copy(record) for record in records[:length]], BACK)
            if isinstance(machine, KeyManager):
                assert not open_books(machine.link_accounts(), [machine.key_account()]), (name, length)


@pytest.mark.slow
@invariant("O1")
def test_restoring_twice_gives_the_same_books(tmp_path: Path) -> None:
    on_uvloop(some_life(tmp_path / "state"))
    assert books(tmp_path / "state") == books(tmp_path / "state")
    assert len(books(tmp_path / "state")) == 6


def books(state: Path) -> dict[ElementName, object]:
    """Return the books of every key manager, as its journal tells them."""
    journals, make, found = saved(state), makers(), dict[ElementName, object]()
    for name, records in journals.items():
        machine = make[name]()
        machine.restore(records, BACK)
        if isinstance(machine, KeyManager):
            found[name] = machine.link_accounts(), machine.key_account()
    return found
