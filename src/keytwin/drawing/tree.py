"""A tidy tree on a grid: parents above the middle of their children, many leaves of one parent in several rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.design.model import ElementId
from keytwin.drawing.layers import forward

ABREAST: Final = 5  # leaves of one parent side by side; more begin a second row


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node lies in the grid, and how many columns it may reach over on either side."""

    row: int
    column: int
    span: int = 0


@dataclass(slots=True)
class _Tree:
    children: dict[ElementId, list[ElementId]]
    places: dict[ElementId, Place] = field(default_factory=dict)
    next_column: int = 0


def tree_places(nodes: Sequence[ElementId], edges: Sequence[tuple[ElementId, ElementId]]) -> dict[ElementId, Place]:
    """Return where each node lies; one with several parents hangs below the one from which the way is longest."""
    leading = forward(nodes, edges)
    depth = _depths(nodes, leading)
    children: dict[ElementId, list[ElementId]] = {node: [] for node in nodes}
    roots = []
    for node in nodes:
        # In a circle, too, one node is a root: `forward` has dropped the edge that closes it. So every node gets a
        # place.
        parents = [above for above, below in leading if below == node]
        if parents:
            children[max(parents, key=lambda each: depth[each])].append(node)
        else:
            roots.append(node)
    tree = _Tree(children)
    for root in roots:
        _place(tree, root, 0)
    return _with_spans(tree.places)


def _depths(nodes: Sequence[ElementId], edges: Sequence[tuple[ElementId, ElementId]]) -> dict[ElementId, int]:
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for above, below in edges:
            depth[below] = max(depth[below], depth[above] + 1)
    return depth


def _place(tree: _Tree, node: ElementId, row: int) -> None:
    """Give a node and all below it their places."""
    children = tree.children[node]
    if not children:
        column = tree.next_column
        # A node takes two columns, so that a parent of two can lie on the odd column between them.
        tree.next_column += 2
        tree.places[node] = Place(row, column)
        return
    leaves = [each for each in children if not tree.children[each]]
    columns: list[int] = []
    if len(leaves) > ABREAST:
        # Twice rounded up: first how many rows, then how many in each, so that six stand three by three and not five
        # and one.
        rows = -(-len(leaves) // ABREAST)
        abreast = -(-len(leaves) // rows)
        first = tree.next_column
        for index, leaf in enumerate(leaves):
            # Each further row is shifted by one, so that its wires come down between the nodes above.
            shift = index // abreast % 2
            tree.places[leaf] = Place(row + 1 + index // abreast, first + 2 * (index % abreast) + shift)
        columns += [first, first + 2 * abreast - 2]
        # A shifted row reaches one column further than the first one; what comes next keeps clear of it.
        tree.next_column = first + 2 * abreast + 2
        children = [each for each in children if tree.children[each]]
    for child in children:
        _place(tree, child, row + 1)
        # A parent stands over the middle of its children, not over that of all the room they take.
        columns.append(tree.places[child].column)
    middle = (min(columns) + max(columns)) // 2
    tree.places[node] = Place(row, middle)


def _with_spans(places: dict[ElementId, Place]) -> dict[ElementId, Place]:
    """Let each node reach over as many free columns as its neighbours in the row and the rim leave."""
    last = max((place.column for place in places.values()), default=0)
    found = {}
    for node, place in places.items():
        others = [other.column for other in places.values() if other.row == place.row and other is not place]
        left = max((column for column in others if column < place.column), default=-place.column - 2)
        right = min((column for column in others if column > place.column), default=2 * last - place.column + 2)
        room = min(place.column - left, right - place.column)
        found[node] = Place(place.row, place.column, max(0, min((room - 1) // 2, place.column, last - place.column)))
    return found
