"""O2: a network whose journal is damaged starts, uses nothing of before, and makes fresh key.

The journal is the golden one: sessions open, keys in pools and on their way, pads in use. What it had used is known to
the oracles, which would see any octet of it used again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from keytwin.keymanagement.manager import KeyManager
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.scenario.hunt_oracles import assert_books_close
from keytwin.vocabulary.identity import ElementName, km_of
from keytwin.vocabulary.machine import Record, RecordsLost
from keytwin.vocabulary.units import Instant, seconds
from tests.marks import invariant
from tests.runtime.golden_journals import GOLDEN, SEED, Used, Watched, opened, remember, watched
from tests.runtime.journals import edited

GOLDEN_ONE = GOLDEN / "format-1.db"
ENOUGH = 30  # keys that both ends have got


def taken_up(folder: Path, damaged: Iterable[str] | None = None, row: int = 700) -> Watched:
    """Start a network from the golden journal, with a row damaged; only some elements may stand in that journal."""
    copy = folder / "journal.db"
    shutil.copy(GOLDEN_ONE, copy)
    with closing(opened(copy)) as journal:
        names = set(watched(SEED).simulation.hosts)
        whole = {name: journal.records(name) for name in names}
    with edited(copy) as connection:
        connection.execute(
            "UPDATE rows SET sealed = zeroblob(100) WHERE id = (SELECT 1 + (max(id) - 1) * ? / 1000 FROM rows)", (row,)
        )
    with closing(opened(copy)) as journal:
        assert len(journal.found_now) == 1
        of_damaged = {name: journal.records(name) for name in names}
    world, codec = watched(SEED + 1), RecordCodec(record_types())
    for name, host in world.simulation.hosts.items():
        is_damaged = damaged is None or str(name) in damaged
        host.disk.codec = codec
        host.disk.durable = _written(codec, of_damaged[name] if is_damaged else whole[name])
    remember(world, msgspec.json.decode(GOLDEN_ONE.with_suffix(".json").read_bytes(), type=Used))
    return world


def _written(codec: RecordCodec, records: Iterable[Record]) -> list[bytes]:
    return [codec.encode(record) for record in records]


def key_managers(world: Watched) -> list[KeyManager]:
    machines = [world.simulation.machine(km_of(node.id)) for node in world.blueprint.topology.nodes]
    return [machine for machine in machines if isinstance(machine, KeyManager)]


def run(world: Watched, upto: int, since: int = 1) -> None:
    for second in range(since, upto):
        world.simulation.run(Instant(seconds(second)))
        assert_books_close(key_managers(world))
    world.pads.close()


@invariant("O2")
@invariant("P1")
@invariant("K1")
@pytest.mark.parametrize("row", [0, 500, 1000], ids=["first", "middle", "last"])
def test_a_network_goes_on_after_damage_to_its_journal(tmp_path: Path, row: int) -> None:
    world = taken_up(tmp_path, row=row)
    before = world.ledger.pairs()
    for host in world.simulation.hosts.values():
        world.simulation.restart(host.name)
    assert not any(km.key_account().stored for km in key_managers(world)), "no key of before is left"
    assert not any(account.stored for km in key_managers(world) for account in km.link_accounts())
    world.ask(1)
    run(world, 60)
    assert world.ledger.pairs() > before + ENOUGH, "a run that did nothing proves nothing"


@invariant("O2")
@invariant("P1")
@invariant("P4")
@pytest.mark.parametrize("damaged", [("km/a",), ("km/b",), ("km/c",), ("link/a-b",), ("km/a", "km/b")], ids=str)
def test_a_neighbour_with_a_journal_of_its_own_goes_on_with_one_that_begins_anew(
    tmp_path: Path, damaged: tuple[str, ...]
) -> None:
    """Whichever end of a link has lost its blocks: both give up what only one has, and agree on the next one."""
    world = taken_up(tmp_path, damaged)
    before = world.ledger.pairs()
    for host in world.simulation.hosts.values():
        world.simulation.restart(host.name)
    world.ask(1)
    run(world, 120)
    assert world.ledger.pairs() > before + ENOUGH


@invariant("O2")
@invariant("O1")
def test_a_crash_after_damage_comes_back_behind_it(tmp_path: Path) -> None:
    """Twice the same start, then one from what was saved since: addresses and books go on where they were."""
    world = taken_up(tmp_path)
    hosts = [host.name for host in world.simulation.hosts.values()]
    for name in hosts * 2:
        world.simulation.restart(name)
    world.ask(1)
    run(world, 40)
    stood = ends(world)
    for name in hosts:
        world.simulation.restart(name)
    assert ends(world) == stood
    world.ask(41)
    run(world, 90, since=41)


def ends(world: Watched) -> list[tuple[int, int]]:
    kmlinks = [kmlink for km in key_managers(world) for kmlink in km.links.kmlinks.values()]
    return [(kmlink.out.end, kmlink.incoming.end) for kmlink in kmlinks]


@invariant("O2")
def test_numbers_of_before_are_not_given_again() -> None:
    lost = RecordsLost(1000)
    world = watched(SEED)
    for name in [ElementName("controller"), *(name for name in world.simulation.hosts if name.startswith("link/"))]:
        host = world.simulation.hosts[name]
        host.disk.codec = RecordCodec(record_types())
        host.disk.durable = _written(host.disk.codec, [lost])
        world.simulation.restart(name)
    twins = [world.simulation.machine(name) for name in world.simulation.hosts if name.startswith("link/")]
    assert twins
    assert all(getattr(twin, "number", 0) >= lost.beyond for twin in twins)
