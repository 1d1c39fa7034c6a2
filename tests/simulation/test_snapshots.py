"""O1: a run in which every start reads a snapshot is, to the bit, the run in which it reads all that was ever saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from keytwin.network import shorten
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt import Hunt
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ElementName
from tests.marks import invariant

BUSY = (16, 18, 21)  # with many restarts, and many records behind them


@dataclass
class Shortened:
    """Has the records of an element said in short before each of its restarts."""

    blueprint: Blueprint
    records: int = 0
    left: int = 0

    def take_part(self, simulation: Simulation) -> None:
        simulation.restart = partial(self._restart, simulation, simulation.restart)  # type: ignore[method-assign]  # that is the point

    def _restart(self, simulation: Simulation, restart: Callable[[ElementName], None], name: ElementName) -> None:
        host = simulation.hosts[name]
        simulation.stop(name)
        assert host.make
        if host.disk.forgets_from is None:  # a disk that lies counts its records
            short = shorten({name: host.make}, self.blueprint, name, host.disk.records(), simulation.now)
            if short is not None and host.disk.codec:
                self.records += len(host.disk.durable)
                host.disk.durable = [host.disk.codec.encode(record) for record in short]
                self.left += len(host.disk.durable)
        restart(name)


@invariant("O1")
@invariant("K1")
@invariant("P1")
@invariant("P5")
@pytest.mark.slow
@pytest.mark.parametrize("seed", BUSY)
def test_o1_a_storm_goes_the_same_way_from_snapshots(seed: int) -> None:
    whole = Hunt(seed)
    whole.run()
    shortened = Shortened(whole.blueprint)
    short = Hunt(seed, change=shortened.take_part)
    short.run()
    assert short.outcome() == whole.outcome()
    assert shortened.left < shortened.records
    assert shortened.records > 100, "a run in which nobody restarts proves nothing"
