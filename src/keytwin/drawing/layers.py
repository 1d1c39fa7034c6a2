"""Rows for nodes that follow one another, and an order within each row: the two steps of Sugiyama, for small graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

N = TypeVar("N", bound=Hashable)

SWEEPS: Final = 6


def forward(nodes: Sequence[N], edges: Iterable[tuple[N, N]]) -> list[tuple[N, N]]:
    """Return the edges that lead on; those that lead back to where one has been, and loops, are left out."""
    following: dict[N, list[N]] = {node: [] for node in nodes}
    arriving = dict.fromkeys(nodes, 0)
    for source, target in dict.fromkeys(edges):
        if source in following and target in following and source != target:
            following[source].append(target)
            arriving[target] += 1
    done: set[N] = set()
    kept: list[tuple[N, N]] = []
    for start in sorted(nodes, key=lambda node: arriving[node] > 0):
        _walk(start, following, done, kept)
    return kept


def _walk(start: N, following: Mapping[N, Sequence[N]], done: set[N], kept: list[tuple[N, N]]) -> None:
    if start in done:
        return
    on_way = [start]
    stack = [(start, iter(following[start]))]
    while stack:
        node, rest = stack[-1]
        for target in rest:
            if target in on_way:
                continue
            kept.append((node, target))
            if target not in done:
                on_way.append(target)
                stack.append((target, iter(following[target])))
                break
        else:
            done.add(node)
            on_way.remove(node)
            stack.pop()


def ranks(nodes: Sequence[N], edges: Iterable[tuple[N, N]]) -> dict[N, int]:
    """Return for each node the length of the longest way that leads to it."""
    leading = forward(nodes, edges)
    found = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for source, target in leading:
            if found[target] < found[source] + 1:
                found[target] = found[source] + 1
                changed = True
        if not changed:
            break
    return found


def ordered(nodes: Sequence[N], edges: Sequence[tuple[N, N]], rank: Mapping[N, int]) -> list[list[N]]:
    """Return the rows, each in an order in which few edges cross: every node near the middle of its neighbours."""
    rows: list[list[N]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        rows[rank[node]].append(node)
    near: dict[N, list[N]] = {node: [] for node in nodes}
    for source, target in edges:
        if source in near and target in near and source != target:
            near[source].append(target)
            near[target].append(source)
    best, fewest = [list(row) for row in rows], crossings(rows, edges, rank)
    for sweep in range(SWEEPS):
        way = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        for index in way:
            place = {
                node: at / max(1, len(row) - 1) if len(row) > 1 else 0.5 for row in rows for at, node in enumerate(row)
            }
            rows[index].sort(key=lambda node: _middle(node, near[node], place, rank, rank[node]))
        count = crossings(rows, edges, rank)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def spread(wanted: Sequence[float], width: int) -> list[int]:
    """Return a place for each thing of a row, in their order, as near as can be to where it is wanted."""
    taken: list[int] = []
    for index, want in enumerate(wanted):
        least = taken[-1] + 1 if taken else 0
        most = width - (len(wanted) - index)
        taken.append(min(max(round(want), least), most))
    return taken


def _middle(node: N, near: Sequence[N], place: Mapping[N, float], rank: Mapping[N, int], own: int) -> float:
    others = [place[other] for other in near if rank[other] != own]
    return sum(others) / len(others) if others else place[node]


def crossings(rows: Sequence[Sequence[N]], edges: Iterable[tuple[N, N]], rank: Mapping[N, int]) -> int:
    """Count the pairs of edges between neighbouring rows that cross."""
    place = {node: at for row in rows for at, node in enumerate(row)}
    spans = [
        (min(rank[a], rank[b]), place[a if rank[a] < rank[b] else b], place[b if rank[a] < rank[b] else a])
        for a, b in edges
        if a in place and b in place and abs(rank[a] - rank[b]) == 1
    ]
    return sum(
        1
        for index, (row, top, bottom) in enumerate(spans)
        for other_row, other_top, other_bottom in spans[index + 1 :]
        if row == other_row and (top - other_top) * (bottom - other_bottom) < 0
    )


def spread_layers(
    nodes: Sequence[N], edges: Sequence[tuple[N, N]], *, downwards: bool = False
) -> dict[N, tuple[int, int]]:
    """Return row and column of each node: layers from left to right (or downwards), each node near its neighbours."""
    rank = ranks(nodes, edges)
    layers = ordered(nodes, edges, rank)
    width = max((len(layer) for layer in layers), default=1)
    places: dict[N, int] = {}
    for layer in sorted(layers, key=len, reverse=True):
        wanted = []
        for index, node in enumerate(layer):
            near = [
                places[b if a == node else a]
                for a, b in edges
                if node in {a, b} and a != b and (b if a == node else a) in places
            ]
            middle = (width - len(layer)) / 2 + index
            wanted.append(sum(near) / len(near) if near else middle)
        places.update(zip(layer, spread(wanted, width), strict=True))
    return {node: (rank[node], places[node]) if downwards else (places[node], rank[node]) for node in nodes}
