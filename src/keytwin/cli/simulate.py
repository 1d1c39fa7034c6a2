"""`keytwin simulate`: hunt for faults of keytwin itself, in networks, loads and storms that seeds draw."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json
from keytwin.cli.sweep import processes
from keytwin.cli.values import LARGEST, Number
from keytwin.scenario.hunt_scope import ALL, FAMILIES, STORM, Scope
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.scenario.hunt import Outcome

USUAL_SEEDS: Final = 1000
MOST_SEEDS: Final = 10_000_000
NONE: Final = "none"  # families
MOST_TOLD: Final = 20  # violations on the screen; --json has all


@dataclass(slots=True)
class Tally:
    """What all runs together came to."""

    nodes: int | None = None
    scope: Scope = ALL
    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    work: Counter[str] = field(default_factory=Counter)
    broken: list[Outcome] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        self.runs += 1
        self.faults.update(outcome.faults)
        self.work.update(
            {
                "keys at both ends": outcome.keys,
                "sessions": outcome.sessions,
                "sealed messages": outcome.sealed,
                "messages": outcome.messages,
            }
        )
        self.digests.append(outcome.digest)
        if outcome.broken:
            self.broken.append(outcome)

    def replay(self, outcome: Outcome, scope: Scope | None = None) -> str:
        """Return what to type to see one run again, or the part of it that a scope leaves."""
        nodes = "" if self.nodes is None else f" --nodes {self.nodes}"
        part = (scope or self.scope).options()
        return f"keytwin simulate --seeds 1 --first-seed {outcome.seed}{nodes}{part}"


@Parameter(name="*")
@dataclass(frozen=True)
class Part:
    """What a run is, and what of it takes place."""

    nodes: Annotated[
        Number | None, Parameter(help="Nodes of each network; without it the seed draws three to six.")
    ] = None
    only: Annotated[
        str | None, Parameter(help="Families of fault that happen in every run, and no others, such as kills,flips.")
    ] = None
    apps: Annotated[str | None, Parameter(help="Apps that take part, such as a0,a2; without it all.")] = None
    storm_ends: Annotated[Number | None, Parameter(help="Second at which faults end; without it 25.")] = None


def simulate(
    *,
    seeds: Annotated[Number, Parameter(help="How many runs, each with a seed of its own.")] = USUAL_SEEDS,
    first_seed: Annotated[Number, Parameter(help="The first seed; the others follow it.")] = 1,
    jobs: Annotated[
        Number | None,
        Parameter(help="Processes; without it as many as there are cores. The results are the same."),
    ] = None,
    part: Part | None = None,
    shrink: Annotated[
        bool, Parameter(help="Make the first violation smaller, and tell how to see the smaller one.")
    ] = False,
    json: Annotated[bool, Parameter(help="Print all as JSON, and nothing else.")] = False,
) -> int:
    """Hunt for faults of keytwin itself: seeds draw networks, loads and what goes wrong; no rule may break.

    Each seed is a run in virtual time in which messages are lost, elements killed, parted and paused, and links cut;
    then all heals. Judges outside look at every message, every key handed out and all books.
    """
    from keytwin.scenario.hunt import hunt

    workers = processes(jobs)
    part = part or Part()
    tally = Tally(_checked_nodes(part.nodes), _scope(part))
    wanted = _wanted(seeds, first_seed)
    began = time.perf_counter()
    for outcome in _watched(hunt(wanted, tally.nodes, workers, tally.scope), len(wanted)):
        tally.add(outcome)
    if json:
        show_json(as_json(tally, wanted))
    else:
        _tell(tally, wanted, time.perf_counter() - began)
    if shrink and tally.broken:
        _shrink(tally)
    return _blame(tally)


def as_json(tally: Tally, seeds: range) -> dict[str, object]:
    """Return all of a hunt as plain values; nothing of it depends on the clock or on the number of processes."""
    return {
        "seeds": tally.runs,
        "first_seed": seeds.start,
        "nodes": tally.nodes,
        "faults": dict(tally.faults),
        "work": dict(tally.work),
        "violations": [
            {"seed": each.seed, "violated": each.broken, "replay": tally.replay(each)} for each in tally.broken
        ],
        "digests": tally.digests,
    }


def _checked_nodes(nodes: int | None) -> int | None:
    from keytwin.scenario.hunt_network import FEWEST_NODES, MOST_NODES

    if nodes is not None and not FEWEST_NODES <= nodes <= MOST_NODES:
        raise Mistake(f"--nodes {nodes}: write a number from {FEWEST_NODES} to {MOST_NODES}, or leave it out")
    return nodes


def _scope(part: Part) -> Scope:
    """Return what is to take place; Mistake when it names faults or an end of the storm that there are not."""
    only = None if part.only is None else frozenset(part.only.split(",")) - {NONE}
    for family in sorted(only or ()):
        if family not in FAMILIES:
            raise Mistake(f"--only: no faults are called {family!r}: write some of {', '.join(FAMILIES)}, or {NONE}")
    end = STORM[1] if part.storm_ends is None else part.storm_ends
    if not STORM[0] <= end <= STORM[1]:
        raise Mistake(f"--storm-ends {end}: write a second from {STORM[0]} to {STORM[1]}, or leave it out")
    return Scope(only, None if part.apps is None else frozenset(part.apps.split(",")), end)


def _shrink(tally: Tally) -> None:
    """Look for a smaller run that breaks the same rule as the first violation, and say how to see it."""
    from keytwin.scenario.hunt import smaller

    first = tally.broken[0]
    complain(f"smaller: {tally.replay(first, smaller(first, tally.nodes, tally.scope))}")


def _wanted(seeds: int, first: int) -> range:
    if not 1 <= seeds <= MOST_SEEDS:
        raise Mistake(f"--seeds {seeds}: how many runs shall there be? Write a number from 1 to {MOST_SEEDS:,}")
    if first + seeds - 1 > LARGEST:
        raise Mistake(f"--first-seed {first}: the last seed would be above {LARGEST}: begin lower")
    return range(first, first + seeds)


def _watched(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Give the outcomes, and tell a person who waits at a terminal how far it is."""
    is_watched = sys.stderr.isatty()
    for number, outcome in enumerate(outcomes, 1):
        if is_watched:
            print(f"\r{number:,} of {total:,} runs", end="" if number < total else "\n", file=sys.stderr, flush=True)
        yield outcome


def _tell(tally: Tally, seeds: range, took: float) -> None:
    size = f"{tally.nodes} nodes" if tally.nodes else "3 to 6 nodes"
    place = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    show(
        f"{counted(tally.runs, 'run')} of {size}, {place}: {counted(len(tally.broken), 'violation')}",
        _table("faults injected", tally.faults),
        _table("useful work", tally.work),
        f"{tally.runs / took:.2f} runs/s",
    )


def _table(title: str, counts: Counter[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column(title, no_wrap=True)
    table.add_column("number", justify="right", no_wrap=True)
    for kind, number in counts.items():
        table.add_row(kind, f"{number:,}")
    return table


def _blame(tally: Tally) -> Exit:
    told: Sequence[Outcome] = tally.broken[:MOST_TOLD]
    for each in told:
        complain(f"violated: seed {each.seed}: {each.broken}")
        complain(f"  replay: {tally.replay(each)}")
    if len(tally.broken) > len(told):
        complain(f"violated: and {len(tally.broken) - len(told)} more; --json has all")
    return Exit.FAILED if tally.broken else Exit.OK
