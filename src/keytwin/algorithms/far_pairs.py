"""Pairs of nodes that are far from each other: what an example asks of a network, chosen without chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from keytwin.algorithms.graphs import Graph, Name, hop

N = TypeVar("N", bound=Name)
E = TypeVar("E", bound=Name)


def far_pairs(
    graph: Graph[N, E], most: int, weight: Callable[[E], float] = hop, farthest: float = float("inf")
) -> list[tuple[N, N]]:
    """Return at most `most` pairs of nodes, each node once, far apart but no farther than `farthest`.

    Each pair is found by two sweeps: from the first free node to the farthest, and from there to the farthest again.
    That is the longest way of a tree and a long one of any other network; it takes two searches a pair, not all.
    """
    free = dict.fromkeys(graph.nodes)
    pairs: list[tuple[N, N]] = []
    while len(pairs) < most and free:
        start = next(iter(free))
        far = _farthest(graph, start, weight, free, farthest)
        near = None if far is None else _farthest(graph, far, weight, free, farthest)
        if far is None or near is None:
            del free[start]  # nothing within reach is free
            continue
        del free[far], free[near]
        pairs.append((near, far))
    return pairs


def _farthest(
    graph: Graph[N, E], start: N, weight: Callable[[E], float], free: dict[N, None], farthest: float
) -> N | None:
    """Return the free node that is farthest from `start`, the first of equals; None when there is none in reach."""
    distances = graph.distances(start, weight)
    reached = (node for node in free if node != start and node in distances and distances[node] <= farthest)
    return max(reached, key=distances.__getitem__, default=None)
