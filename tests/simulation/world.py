"""A whole network under a hostile seed, as `keytwin simulate` hunts; a test chooses the design, or plants a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt import Hunt
from keytwin.scenario.hunt_network import Design
from keytwin.scenario.hunt_oracles import Broken
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.placement import Placement


@dataclass(frozen=True)
class World:
    """One run; `change` may plant a fault in the simulation before it starts."""

    seed: int
    change: Callable[[Simulation], None] | None = None
    routes: int = 1
    placement: Placement = Placement.CENTRAL
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE

    def hunt(self) -> Hunt:
        """Return the run before it begins."""
        return Hunt(self.seed, None, Design(self.routes, self.placement, self.mode, self.fallback), self.change)

    def run(self) -> Hunt:
        """Run to the end, with every oracle at work; Broken, or any error of a machine, says the seed."""
        hunt = self.hunt()
        try:
            hunt.run()
        except Broken as broken:
            raise Broken(f"seed {self.seed}: {broken}") from None
        return hunt
