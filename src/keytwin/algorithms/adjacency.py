"""Graph algorithms on bare indices: the core of `graphs.py`, which gives nodes and edges their names back."""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf

Arc = tuple[int, int]
"""The node at the far end, and the edge that leads there."""
Adjacency = list[list[Arc]]
"""The arcs at each node, sorted."""
Costs = list[float | None]
"""Per edge; None = not to be used."""
Labels = dict[int, tuple[float, int]]
"""Weight and number of edges of the best way from a node to the target."""


def shortest(outgoing: Adjacency, incoming: Adjacency, costs: Costs, source: int, target: int) -> list[Arc] | None:
    """Return the arcs of the way of least weight, fewest edges, least nodes and edges; None when there is no way."""
    labels = _labels(incoming, costs, source, target)
    if source not in labels:
        return None
    arcs: list[Arc] = []
    node = source
    while node != target:
        arcs.append(_next_arc(outgoing[node], costs, labels, labels[node]))
        node = arcs[-1][0]
    return arcs


def distances_to(incoming: Adjacency, costs: Costs, target: int) -> dict[int, float]:
    """Return the weight of the best way to `target` from each node that has one; the way from it, of arcs turned."""
    return {node: weight for node, (weight, _) in _labels(incoming, costs, None, target).items()}


def _labels(incoming: Adjacency, costs: Costs, source: int | None, target: int) -> Labels:
    """Search from the target back until the source, if there is one, is reached; farther nodes may lack a label."""
    labels: Labels = {target: (0, 0)}
    queue: list[tuple[float, int, int]] = [(0, 0, target)]
    while queue:
        weight, hops, node = heappop(queue)
        if node == source:
            break
        if labels[node] != (weight, hops):
            continue  # a better way to it has been found meanwhile
        for near, edge in incoming[node]:
            cost = costs[edge]
            if cost is None:
                continue
            label = (weight + cost, hops + 1)
            if near not in labels or label < labels[near]:
                labels[near] = label
                heappush(queue, (*label, near))
    return labels


def _next_arc(arcs: list[Arc], costs: Costs, labels: Labels, label: tuple[float, int]) -> Arc:
    for far, edge in arcs:
        cost = costs[edge]
        if cost is not None and far in labels:
            weight, hops = labels[far]
            if (weight + cost, hops + 1) == label:  # exact also for floats: the label was made by this very sum
                return far, edge
    raise AssertionError("a label has the arc that it was made by")


def bottleneck(outgoing: Adjacency, widths: Costs, source: int, target: int) -> float | None:
    """Return the largest width that all edges of some way have; None when there is no way."""
    reached: set[int] = set()
    queue: list[tuple[float, int]] = [(-inf, source)]
    while queue:
        narrowest, node = heappop(queue)
        if node == target:
            return -narrowest
        if node in reached:
            continue
        reached.add(node)
        for far, edge in outgoing[node]:
            width = widths[edge]
            if width is not None and far not in reached:
                heappush(queue, (max(narrowest, -width), far))
    return None


def groups(both_ways: Adjacency, costs: Costs) -> list[list[int]]:
    """Return the connected groups of nodes, by their least node."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for root in range(len(both_ways)):
        if root in seen:
            continue
        seen.add(root)
        group = [root]
        for node in group:  # grows while it is walked through
            fresh = {far for far, edge in both_ways[node] if costs[edge] is not None} - seen
            seen |= fresh
            group += fresh
        found.append(group)
    return found


def cut_edges(both_ways: Adjacency, costs: Costs) -> list[int]:
    """Return the edges that no circle contains (Tarjan, Inf. Proc. Lett. 2 160)."""
    found: list[int] = []
    visited = [0] * len(both_ways)  # when, counted from 1
    oldest = visited.copy()  # what can be reached without the edge by which one came
    clock = 0
    for root in range(len(both_ways)):
        stack = [] if visited[root] else [(root, -1, iter(both_ways[root]))]
        while stack:
            node, arrival, arcs = stack[-1]
            if not visited[node]:
                clock += 1
                visited[node] = oldest[node] = clock
            for far, edge in arcs:
                if edge == arrival or costs[edge] is None:
                    continue
                if not visited[far]:
                    stack.append((far, edge, iter(both_ways[far])))
                    break
                oldest[node] = min(oldest[node], visited[far])
            else:
                stack.pop()
                if stack:
                    oldest[stack[-1][0]] = min(oldest[stack[-1][0]], oldest[node])
                    found += [arrival] if oldest[node] == visited[node] else []
    return found
