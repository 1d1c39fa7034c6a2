"""Rows for nodes that follow one another, and an order within each row: the two steps of Sugiyama, for small graphs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

N = TypeVar("N", bound=Hashable)

SWEEPS: Final = 6
MOST_LAYERS: Final = 8  # a longer chain is folded: layers by distance from the first node, whatever the direction


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
    # False sorts before True: nodes at which nothing arrives come first, so that a circle is entered where its way
    # leads into it and cut at the edge that closes it. Equal ones keep the order of the model.
    for start in sorted(nodes, key=lambda node: arriving[node] > 0):
        _walk(start, following, done, kept)
    return kept


def _walk(start: N, following: Mapping[N, Sequence[N]], done: set[N], kept: list[tuple[N, N]]) -> None:
    if start in done:
        return
    # A stack of iterators in the place of recursion: a long chain must not reach Python's limit.
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
    # As many rounds as nodes are enough: `forward` leaves no circle, so no way is longer than that.
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


def distances(nodes: Sequence[N], edges: Sequence[tuple[N, N]]) -> dict[N, int]:
    """Return how many edges, in either direction, part each node from the first one, or from the first of its group."""
    near = _neighbours(nodes, edges)
    found: dict[N, int] = {}
    for start in nodes:
        if start not in found:
            found[start] = 0
            queue = [start]
            for node in queue:  # grows while it is walked through
                fresh = [other for other in dict.fromkeys(near[node]) if other not in found]
                found.update(dict.fromkeys(fresh, found[node] + 1))
                queue += fresh
    return found


def ordered(nodes: Sequence[N], edges: Sequence[tuple[N, N]], rank: Mapping[N, int]) -> list[list[N]]:
    """Return the rows, each in an order in which few edges cross: every node near the middle of its neighbours."""
    rows: list[list[N]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        rows[rank[node]].append(node)
    near = _neighbours(nodes, edges)
    best, fewest = [list(row) for row in rows], crossings(rows, edges, rank)
    for sweep in range(SWEEPS):
        # Down and up by turns, so that what lies above and what lies below both have a say.
        for index in range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1):
            place = _shares(rows)
            rows[index].sort(key=lambda node: _middle(node, near[node], place, rank))  # used at once
        count = crossings(rows, edges, rank)
        # A sweep may make things worse, so the best of all is kept, not the last.
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    return best


def _neighbours(nodes: Sequence[N], edges: Sequence[tuple[N, N]]) -> dict[N, list[N]]:
    near: dict[N, list[N]] = {node: [] for node in nodes}
    for source, target in edges:
        if source in near and target in near and source != target:
            near[source].append(target)
            near[target].append(source)
    return near


def _shares(rows: Sequence[Sequence[N]]) -> dict[N, float]:
    """Return how far along its row each node is, from 0 to 1: rows of different lengths can be compared."""
    return {node: at / (len(row) - 1) if len(row) > 1 else 0.5 for row in rows for at, node in enumerate(row)}


def spread(wanted: Sequence[float], width: int) -> list[int]:
    """Return a place for each thing of a row, in their order, as near as can be to where it is wanted."""
    taken: list[int] = []
    for index, want in enumerate(wanted):
        least = taken[-1] + 1 if taken else 0
        # Room is kept on the right for those that still come; otherwise the last would fall off the row.
        most = width - (len(wanted) - index)
        taken.append(min(max(round(want), least), most))
    return taken


def _middle(node: N, near: Sequence[N], place: Mapping[N, float], rank: Mapping[N, int]) -> float:
    others = [place[other] for other in near if rank[other] != rank[node]]
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
    if max(rank.values(), default=0) >= MOST_LAYERS:
        rank = distances(nodes, edges)
    layers = ordered(nodes, edges, rank)
    width = max((len(layer) for layer in layers), default=1)
    places: dict[N, int] = {}
    # The widest layer has no choice; it comes first, and the others arrange themselves around it.
    for layer in sorted(layers, key=len, reverse=True):
        wanted = []
        for index, node in enumerate(layer):
            near = [places[other] for other in _beside(node, edges) if other in places]
            middle = (width - len(layer)) / 2 + index
            wanted.append(sum(near) / len(near) if near else middle)
        places.update(zip(layer, spread(wanted, width), strict=True))
    return {node: (rank[node], places[node]) if downwards else (places[node], rank[node]) for node in nodes}


def _beside(node: N, edges: Sequence[tuple[N, N]]) -> Iterator[N]:
    """Give what an edge joins to a node, itself excepted."""
    for first, second in edges:
        if first != second and node in {first, second}:
            yield second if first == node else first
