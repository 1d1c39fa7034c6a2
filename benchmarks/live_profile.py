"""`python -m benchmarks.live_profile [CLIENTS [KEYS [APP [wall|cpu]]]]`: where the live network is under load.

What is shown of a function or line is its share of all samples: of wall-clock time, in which a wait for the disk counts
and so does having nothing to do, or of the network's own CPU time.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.live_benchmark import DISK
from benchmarks.live_load import Loader, Shape
from benchmarks.live_servers import Servers, until

SECONDS: Final = 5.0
TOP: Final = 40


def main(clients: str = "8", keys: str = "1", app: str = "near", clock: str = "wall") -> None:
    """Load, and show."""
    shape = Shape(int(clients), int(keys), both_ways=app == "far")
    with TemporaryDirectory(dir=DISK) as folder:
        samples = Path(folder) / "samples.json"
        with Servers(Path(folder)) as servers:
            loader = Loader(Path(folder))
            target = servers.keytwin(str(samples), clock)[app]
            until(lambda: not loader.run(target, shape, 0.5).told.errors, "no keys")
            servers.signal_new_samples()
            sample = loader.run(target, shape, SECONDS)
        stacks = msgspec.json.decode(samples.read_bytes(), type=list[tuple[list[str], int]])
    print(f"{app}, {shape}: {sample.rate:,.0f} pairs/s, {sample.cpu_per_pair:.3f} ms CPU a pair, {sample.told}\n")
    total = sum(count for _, count in stacks)
    show("functions, with what they call", total, _counted((set(map(_function, stack)), n) for stack, n in stacks))
    show("functions themselves", total, _counted(({_function(stack[-1])}, n) for stack, n in stacks))
    show("modules themselves", total, _counted(({_function(stack[-1]).split()[0]}, n) for stack, n in stacks))
    show("lines", total, _counted(({stack[-1]}, n) for stack, n in stacks))


def show(title: str, total: int, counted: Counter[str]) -> None:
    """Print the places that most samples are in."""
    print(title)
    for place, count in counted.most_common(TOP):
        print(f"{count / total:7.1%}  {place}")
    print()


def _counted(samples: Iterable[tuple[set[str], int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for places, number in samples:
        for place in places:
            counted[place] += number
    return counted


def _function(place: str) -> str:
    where, _, name = place.rpartition(" ")
    file = where.rpartition(":")[0]
    return f"{'/'.join(Path(file).parts[-2:])} {name}"


if __name__ == "__main__":
    main(*sys.argv[1:])
