"""The OVM as a tree: variation points, below each its variants, to the right what a variant opens. Paper A, Fig. 3.

Notation after Pohl, Boeckle and van der Linden, "Software Product Line Engineering" (2005), chapter 4, recalled: a
triangle marks a variation point, a solid line leads to a mandatory variant, a dashed one to a variant that may be
chosen, an arc with [least..most] joins alternatives. Few dependencies are arrows; many are numbers and a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from keytwin.design.variability import Bond, Choice, Configuration, Dependency, Ovm, Variant, VariationPoint
from keytwin.drawing.frame import extent, framed
from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.grid import Laid, Spacing
from keytwin.drawing.lattice import Cell
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.pieces import SMALL, Piece, Strand, composed, strand, wire_between
from keytwin.drawing.scene import Anchor, Figure, Mark, Node, Role, Scene, Stroke, Text, Tip
from keytwin.vocabulary.identity import VariantId, VariationPointId

INDENT: Final = 26.0  # of variants below their variation point
TRUNK: Final = 13.0  # from the left edge of a variation point to the line that its variants hang on
NAME: Final = 150.0
SIGN: Final = 26.0  # of the triangle
ARC: Final = 14.0  # below a variation point, for the arc and its numbers
ROOM: Final = 8.0
MOST_ARROWS: Final = 12  # dependencies drawn as arrows; above that the lines hide the tree
COLUMN_ROWS: Final = 11
LIST_COLUMN: Final = 430.0
RIGHT: Final = {Side.RIGHT: 0.0}
LEFT: Final = {Side.LEFT: 0.0}


@dataclass(slots=True)
class _Tree:
    """An OVM while it is drawn."""

    ovm: Ovm
    configuration: Configuration | None
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    """The dependencies that speak of a choice, where they are listed."""

    def role_of(self, variant: Variant) -> Role:
        """Return how a variant is shown: chosen, left, or plain when nothing was chosen yet."""
        if self.configuration is None:
            return Role.PLAIN
        return Role.CHOSEN if variant.id in self.configuration else Role.FADED

    def is_open(self, point: VariationPoint) -> bool:
        """Whether a variation point is to be decided."""
        return self.configuration is None or point.parent is None or point.parent in self.configuration


def ovm_scene(ovm: Ovm, configuration: Configuration | None = None) -> Scene:
    """Lay an OVM out, what is chosen brought out."""
    tree = _Tree(ovm, configuration)
    _place(tree)
    arrows = sum(len(each.targets) for each in ovm.dependencies) <= MOST_ARROWS
    if not arrows:
        _number(tree)
    points, variants = ovm.points.values(), ovm.variants.values()
    pieces = [*(_point_piece(tree, each) for each in points), *(_variant_piece(tree, each) for each in variants)]
    strands = _openings(tree) + (_arrows(tree) if arrows else [])
    spacing = Spacing(margin=12.0, free=28.0, free_level=10.0, pin=9.0, track=10.0)
    scene, laid = composed(_as_wide_as_columns(pieces), strands, spacing)
    scene = _with_signs(scene, tree, laid)
    if not arrows:
        scene = _with_list(scene, tree)
    chosen = f", {len(configuration.chosen)} chosen" if configuration else ""
    about = f"{len(ovm.points)} variation points with {len(ovm.variants)} variants{chosen}"
    return framed(scene, kind="OVM", name=f"ovm-{ovm.name}", title=ovm.name, about=about)


def _with_signs(scene: Scene, tree: _Tree, laid: Laid) -> Scene:
    """Draw what lies between the boxes, and the sign of each variation point."""
    nodes = tuple(_indented(node, tree.ovm) for node in scene.nodes)
    points = tree.ovm.points.values()
    marks = chain.from_iterable(_hanging(tree, each, laid) for each in points)
    texts = chain.from_iterable(_signs(tree, each, laid) for each in points)
    return replace(scene, nodes=nodes, marks=tuple(marks), texts=tuple(texts))


# --- places ---------------------------------------------------------------------------------------------------------


def _place(tree: _Tree) -> None:
    """Fill columns from the top with the trees that are always open, in their order; small ones fill gaps."""
    heights: list[int] = []
    for point in tree.ovm.opened_by(None):
        rows, columns = _size(tree.ovm, point)
        limit = max(COLUMN_ROWS, rows)
        at = next(
            (
                first
                for first in range(len(heights) - columns + 1)
                if max(heights[first : first + columns], default=0) + rows <= limit
            ),
            len(heights),
        )
        heights += [0] * (at + columns - len(heights))
        top = max(heights[at : at + columns])
        _put(tree, point, top, at)
        heights[at : at + columns] = [top + rows] * columns


def _size(ovm: Ovm, point: VariationPoint) -> tuple[int, int]:
    """Return how many rows and columns a variation point takes with all that is opened below it."""
    own = 1 + len(ovm.variants_of(point.id))
    below = [_size(ovm, each) for variant in ovm.variants_of(point.id) for each in ovm.opened_by(variant.id)]
    rows = max(own, sum(size[0] for size in below))
    return rows, 1 + max((size[1] for size in below), default=0)


def _put(tree: _Tree, point: VariationPoint, row: int, column: int) -> None:
    tree.places[point.id] = (row, column)
    next_row = row
    for index, variant in enumerate(tree.ovm.variants_of(point.id)):
        tree.places[variant.id] = (row + 1 + index, column)
        for opened in tree.ovm.opened_by(variant.id):
            _put(tree, opened, next_row, column + 1)
            next_row += _size(tree.ovm, opened)[0]


# --- nodes ----------------------------------------------------------------------------------------------------------


def cardinality(point: VariationPoint) -> str:
    """Return how many variants may be chosen, as the notation writes it."""
    return f"[{point.least}..{point.most}]"


def _as_wide_as_columns(pieces: Sequence[Piece]) -> list[Piece]:
    """Make all boxes of a column equally wide, so that they stand in line."""
    widths: dict[int, float] = {}
    for piece in pieces:
        widths[piece.cell.column] = max(widths.get(piece.cell.column, 0.0), 2 * piece.cell.left)
    return [
        replace(piece, cell=replace(piece.cell, left=half, right=half))
        for piece in pieces
        for half in [widths[piece.cell.column] / 2]
    ]


def _cell(key: str, at: tuple[int, int], width: float, height: float) -> Cell:
    return Cell(key=key, row=at[0], column=at[1], left=width / 2, right=width / 2, up=height / 2, down=height / 2)


def _point_piece(tree: _Tree, point: VariationPoint) -> Piece:
    lines = wrap(point.name, 12, NAME, bold=True)
    width = max(width_of(line, 12, bold=True) for line in lines) + SIGN + 3 * ROOM
    height = len(lines) * 12 * LINE + 14
    texts = [
        Text(line, Point(SIGN + 2 * ROOM, 7 + 12 * (0.95 + LINE * index)), 12, bold=True)
        for index, line in enumerate(lines)
    ]
    role = Role.STRONG if tree.is_open(point) else Role.FADED
    node = Node(
        id=point.id,
        figure=Figure.BOX,
        box=Box(0, 0, width, height),
        title=_told_point(point),
        element=point.id,
        role=role,
        texts=tuple(texts),
        stroke=Stroke.SOLID if point.is_mandatory else Stroke.DASHED,
    )
    cell = _cell(point.id, tree.places[point.id], width, height)
    return Piece(replace(cell, down=cell.down + ARC), node, hangs=True)


def _told_point(point: VariationPoint) -> str:
    words = f"{point.name}: {point.about}" if point.about else point.name
    return f"{words} (stands for {point.abstracts})" if point.abstracts else words


def _variant_piece(tree: _Tree, variant: Variant) -> Piece:
    role = tree.role_of(variant)
    is_bold = role is Role.CHOSEN
    sign = "✓ " if is_bold else ""
    lines = wrap(sign + variant.name, 12, NAME, bold=is_bold)
    numbers = " ".join(map(str, tree.numbers.get(variant.id, [])))
    tags = wrap(numbers, 9.5, 70) if numbers else []
    tag_width = max((width_of(line, 9.5) for line in tags), default=-ROOM) + ROOM
    width = max(90.0, max(width_of(line, 12, bold=is_bold) for line in lines) + 20 + tag_width)
    height = max(len(lines) * 12 * LINE, len(tags) * 9.5 * LINE) + 10
    first = height / 2 - (len(lines) - 1) * 12 * LINE / 2 + 4.2
    texts = [
        Text(line, Point(INDENT + 10, first + 12 * LINE * index), 12, bold=is_bold) for index, line in enumerate(lines)
    ]
    first = height / 2 - (len(tags) - 1) * 9.5 * LINE / 2 + 3.4
    texts += [
        Text(line, Point(-8, first + 9.5 * LINE * index), 9.5, Anchor.END, role=Role.QUIET)
        for index, line in enumerate(tags)
    ]
    title = f"{variant.name}: {variant.about}" if variant.about else variant.name
    node = Node(
        id=variant.id,
        figure=Figure.ROUND,
        box=Box(0, 0, width, height),
        title=title,
        element=variant.id,
        role=role,
        texts=tuple(texts),
    )
    return Piece(_cell(variant.id, tree.places[variant.id], width + INDENT, height), node, hangs=True)


def _indented(node: Node, ovm: Ovm) -> Node:
    """Return a node without the room that its cell has for the lines between them."""
    box = node.box
    if node.id in ovm.points:
        return replace(node, box=Box(box.x, box.y, box.width, box.height - ARC))
    return replace(node, box=Box(box.x + INDENT, box.y, box.width - INDENT, box.height))


def _hanging(tree: _Tree, point: VariationPoint, laid: Laid) -> list[Mark]:
    """Return the lines from a variation point to its variants, and the arc that joins alternatives."""
    box = laid.boxes[point.id]
    box = replace(box, height=box.height - ARC)
    x, found = box.x + TRUNK, []
    reached = box.bottom
    for variant in tree.ovm.variants_of(point.id):
        target = laid.boxes[variant.id]
        y = target.middle.y
        role = tree.role_of(variant)
        line = Role.CHOSEN if role is Role.CHOSEN else Role.QUIET if role is Role.FADED else Role.PLAIN
        stroke = Stroke.SOLID if variant.is_mandatory else Stroke.DASHED
        found.append(Mark(path=("M", x, y, "L", target.x + INDENT, y), role=line, stroke=stroke, weight=1.2))
        reached = max(reached, y)
    # How far the trunk goes is known only now, but it comes first, so that the branches lie over it.
    found.insert(0, Mark(path=("M", x, box.bottom, "L", x, reached), role=Role.PLAIN, weight=1.2))
    if _is_alternative(tree.ovm, point):
        y = box.bottom + 7
        arc = ("M", x - 8, y, "Q", x, y + 9, x + 8, y)
        found.append(Mark(path=arc, role=Role.PLAIN, weight=1.4))
    sign = (
        "M",
        box.x + ROOM + SIGN / 2,
        box.middle.y - 11,
        "L",
        box.x + ROOM + SIGN,
        box.middle.y + 10,
        "L",
        box.x + ROOM,
        box.middle.y + 10,
        "Z",
    )
    role = Role.STRONG if tree.is_open(point) else Role.FADED
    found.append(Mark(path=sign, role=role, is_above=True, weight=1.3))
    return found


def _is_alternative(ovm: Ovm, point: VariationPoint) -> bool:
    """Whether the number of variants is bounded, so that they are alternatives of one another."""
    # Mandatory variants are no choice: among them alone there is nothing to bound.
    free = [each for each in ovm.variants_of(point.id) if not each.is_mandatory]
    return bool(free) and (point.least > 0 or point.most < len(free))


def _signs(tree: _Tree, point: VariationPoint, laid: Laid) -> list[Text]:
    """Return the letters in the triangle and, where there is an arc, how many may be chosen."""
    box = laid.boxes[point.id]
    box = replace(box, height=box.height - ARC)
    letters = Text(
        "VP", Point(box.x + ROOM + SIGN / 2, box.middle.y + 7.5), 8, Anchor.MIDDLE, bold=True, role=Role.PLAIN
    )
    if not _is_alternative(tree.ovm, point):
        return [letters]
    return [letters, Text(cardinality(point), Point(box.x + TRUNK + 12, box.bottom + 14), 10, role=Role.QUIET)]


# --- dependencies ---------------------------------------------------------------------------------------------------


def _openings(tree: _Tree) -> list[Strand]:
    return [_opening(tree, each) for each in tree.ovm.points.values() if each.parent]


def _arrows(tree: _Tree) -> list[Strand]:
    return [_arrow(tree, each, target) for each in tree.ovm.dependencies for target in each.targets]


def _opening(tree: _Tree, point: VariationPoint) -> Strand:
    assert point.parent is not None
    title = f"{tree.ovm.variants[point.parent].name} opens {point.name}"
    wire = wire_between(f"{point.parent}>{point.id}", point.parent, point.id, title, point.id)
    role = Role.CHOSEN if tree.configuration and point.parent in tree.configuration else Role.PLAIN
    stroke = Stroke.SOLID if point.is_mandatory else Stroke.DASHED
    wire = replace(wire, role=role, stroke=stroke, tip=Tip.NONE, bundle=f"opens {point.parent}")
    return strand(wire, leaves=RIGHT, enters=LEFT)


def _arrow(tree: _Tree, each: Dependency, target: Choice) -> Strand:
    verb = str(each.bond)
    title = f"{_name(tree.ovm, each.source)} {verb} {_name(tree.ovm, target)}: {each.reason}"
    wire = wire_between(f"{each.source} {verb} {target}", each.source, target, title, each.source)
    role = Role.REQUIRES if each.bond is Bond.REQUIRES else Role.EXCLUDES
    tail = Tip.NONE if each.bond is Bond.REQUIRES else Tip.FILLED
    wire = replace(wire, role=role, stroke=Stroke.DASHED, tip=Tip.FILLED, tail=tail)
    return strand(wire, leaves=RIGHT, enters=RIGHT, lines=(verb,))


def _name(ovm: Ovm, choice: Choice) -> str:
    found = ovm.variants.get(VariantId(choice)) or ovm.points[VariationPointId(choice)]
    return found.name


def _number(tree: _Tree) -> None:
    for index, each in enumerate(tree.ovm.dependencies, 1):
        for choice in (each.source, *each.targets):
            tree.numbers.setdefault(choice, []).append(index)


def _with_list(scene: Scene, tree: _Tree) -> Scene:
    """Put below the tree what requires or excludes what, each with its number and its reason."""
    above = extent(scene)
    columns = max(1, int((above.width + 24) // (LIST_COLUMN + 24)))
    width = max(LIST_COLUMN, (above.width - 24 * (columns - 1)) / columns)
    entries = [_entry(tree, each, width) for each in tree.ovm.dependencies]
    total = sum(len(lines) + 0.5 for lines in entries)
    nodes: list[Node] = []
    column, y, filled = 0, above.bottom + 40, 0.0
    for number, (each, lines) in enumerate(zip(tree.ovm.dependencies, entries, strict=True), 1):
        # The last column takes all that is left: rounding must not open one more.
        if filled >= total / columns * (column + 1) - 0.5 and column < columns - 1:
            column, y = column + 1, above.bottom + 40
        at = Point(above.x + column * (width + 24), y)
        nodes.append(_entry_node(each, lines, at, width, number))
        y += len(lines) * SMALL * LINE + 7
        filled += len(lines) + 0.5
    heading = Text("Dependencies", Point(above.x, above.bottom + 30), 12, bold=True)
    return replace(scene, nodes=(*scene.nodes, *nodes), texts=(*scene.texts, heading))


def _entry(tree: _Tree, each: Dependency, width: float) -> list[str]:
    targets = ", ".join(_name(tree.ovm, target) for target in each.targets)
    bond = "requires" if each.bond is Bond.REQUIRES else "excludes"
    return wrap(f"{_name(tree.ovm, each.source)} {bond} {targets}: {each.reason}", SMALL, width - 28)


def _entry_node(each: Dependency, lines: Sequence[str], at: Point, width: float, index: int) -> Node:
    role = Role.REQUIRES if each.bond is Bond.REQUIRES else Role.EXCLUDES
    step = SMALL * LINE
    texts = [Text(str(index), Point(at.x + 18, at.y + step * 0.8), 9.5, Anchor.END, role=role, bold=True)]
    texts += [Text(line, Point(at.x + 26, at.y + step * (0.8 + row)), SMALL) for row, line in enumerate(lines)]
    box = Box(at.x, at.y, width, len(lines) * step + 2)
    return Node(
        id=f"dependency:{index}",
        figure=Figure.OPEN,
        box=box,
        title=each.reason,
        element=each.source,
        texts=tuple(texts),
    )
