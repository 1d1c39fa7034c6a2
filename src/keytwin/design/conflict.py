"""Wishes that cannot all be met: every minimal conflict among them, and every minimal set to give up.

The enumeration is that of Liffiton, Previti, Malik, Marques-Silva (Constraints 21, 2016): a map of the subsets not yet
judged gives one, it is grown to a largest possible set or shrunk to a smallest impossible one, and the map is told.
What a largest possible set leaves out is a minimal repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pysat.solvers import Solver

from keytwin.design.oracle import SOLVER, Oracle

MOST_FOUND: Final = 1_000
"""Conflicts and repairs together; nobody reads more, and their number may double with every wish."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All minimal conflicts and all minimal repairs, as positions among the wishes; the shortest first."""

    conflicts: tuple[tuple[int, ...], ...]
    repairs: tuple[tuple[int, ...], ...]
    is_complete: bool = True
    """False when there were more than MOST_FOUND."""


def conflicts_and_repairs(oracle: Oracle, wishes: Sequence[int]) -> Findings:
    """Return what is wrong with wishes, given as literals; no conflicts and one empty repair when nothing is.

    A model without any configuration gives one empty conflict and no repair.
    """
    everything = frozenset(range(len(wishes)))
    conflicts: list[frozenset[int]] = []
    repairs: list[frozenset[int]] = []
    with Solver(SOLVER) as chart:
        chart.set_phases([number + 1 for number in everything])
        while (seed := _unjudged(chart, everything)) is not None:
            if len(conflicts) + len(repairs) >= MOST_FOUND:
                return Findings(_sorted(conflicts), _sorted(repairs), is_complete=False)
            if oracle.is_possible([wishes[each] for each in seed]):
                judged = everything - _grown(oracle, wishes, seed, everything)
                repairs.append(judged)
                chart.add_clause([each + 1 for each in judged])
            else:
                judged = shrunk(oracle, wishes, seed)
                conflicts.append(judged)
                chart.add_clause([-(each + 1) for each in judged])
            if not judged:  # nothing to give up, or no way whatever is given up: there is nothing else to find
                break
    return Findings(_sorted(conflicts), _sorted(repairs))


def _unjudged(chart: Solver, everything: frozenset[int]) -> set[int] | None:
    """Return a set of wishes that lies neither in a possible one found nor above an impossible one."""
    if not chart.solve():
        return None
    told = chart.get_model() or []
    # A wish that no clause of the map names yet stands nowhere in its model: it may as well be in.
    return {each for each in everything if -(each + 1) not in told}


def _grown(oracle: Oracle, wishes: Sequence[int], seed: set[int], everything: frozenset[int]) -> frozenset[int]:
    kept = set(seed)
    for each in sorted(everything - seed):
        if oracle.is_possible([wishes[other] for other in (*kept, each)]):
            kept.add(each)
    return frozenset(kept)


def shrunk(oracle: Oracle, wishes: Sequence[int], seed: set[int]) -> frozenset[int]:
    """Return a part of some impossible wishes that is still impossible, and no longer when any one is left out."""
    kept = set(seed)
    for each in sorted(seed, reverse=True):
        if not oracle.is_possible([wishes[other] for other in kept - {each}]):
            kept.discard(each)
    return frozenset(kept)


def _sorted(found: list[frozenset[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted((tuple(sorted(each)) for each in found), key=lambda each: (len(each), each)))
