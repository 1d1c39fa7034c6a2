"""O3: what an earlier keytwin made durable, this one goes on from: nothing is used or handed out a second time."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from keytwin.keymanagement.manager import KeyManager
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.journal_file import FORMAT
from keytwin.scenario.hunt_oracles import assert_books_close
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.units import Instant, seconds
from tests.marks import invariant
from tests.runtime.golden_journals import GOLDEN, SEED, Used, Watched, opened, remember, watched

FORMATS = sorted(GOLDEN.glob("format-*.db"))
each_format = pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)


def taken_up(path: Path, folder: Path) -> Watched:
    """Start a network in simulation from what a journal holds of each of its elements."""
    copy = folder / "journal.db"
    shutil.copy(path, copy)
    world, codec = watched(SEED + 1), RecordCodec(record_types())
    with closing(opened(copy)) as journal:
        for name, host in world.simulation.hosts.items():
            host.disk.codec = codec
            host.disk.durable = [codec.encode(record) for record in journal.records(name)]
    remember(world, msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=Used))
    return world


def key_managers(world: Watched) -> list[KeyManager]:
    machines = [world.simulation.machine(km_of(node.id)) for node in world.blueprint.topology.nodes]
    return [machine for machine in machines if isinstance(machine, KeyManager)]


@invariant("O3")
@each_format
def test_every_record_of_an_earlier_format_is_read(path: Path, tmp_path: Path) -> None:
    world = taken_up(path, tmp_path)
    for host in world.simulation.hosts.values():
        world.simulation.restart(host.name)
    assert len(key_managers(world)) == 3
    assert_books_close(key_managers(world))
    assert all(km.key_account().stored for km in key_managers(world) if km.node != "b")


@invariant("O3")
@invariant("P1")
@invariant("K1")
@invariant("K2")
@each_format
def test_a_network_goes_on_from_an_earlier_format(path: Path, tmp_path: Path) -> None:
    world = taken_up(path, tmp_path)
    before = world.ledger.pairs()
    for host in world.simulation.hosts.values():
        world.simulation.restart(host.name)
    world.ask(1)
    for second in range(1, 60):
        world.simulation.run(Instant(seconds(second)))
        assert_books_close(key_managers(world))
    world.pads.close()
    assert world.ledger.pairs() > before + 50, "a run that did nothing proves nothing"


def test_there_is_one_of_every_format() -> None:
    assert [path.stem for path in FORMATS] == [f"format-{number}" for number in range(1, FORMAT + 1)]
