"""Link-seconds a CPU second of the link twin at the level of block counts, finite-key estimation included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from benchmarks.table import Row, best_rate
from keytwin.files.network import read_network
from keytwin.network import model_of
from keytwin.vocabulary.units import in_seconds

BLOCKS: Final = 20_000
SEQUENCE: Final = "SeQUeNCe: about 1e-4 at 1 GHz"


def rows() -> Iterable[Row]:
    """Measure the draw of blocks of a 1 GHz decoy BB84 link of 20 km."""
    blueprint = read_network("star6")
    model = model_of(blueprint, blueprint.topology.links[0])
    generator = np.random.Generator(np.random.Philox(1))

    def draw() -> float:
        virtual = 0.0
        for _ in range(BLOCKS):
            virtual += in_seconds(model.draw_block(generator).duration)
        return virtual

    name = "link twin, 1 GHz, finite key"
    yield Row(name, best_rate(draw), "link-s/CPU s", SEQUENCE, must=1e4, aim=1e5)
