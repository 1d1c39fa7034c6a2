"""Block definitions as a tidy tree: paper A, Fig. 6; SysML v2 8.2.3.6 and 8.2.3.11 (general view)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.model import Block, ElementId, Model, Part
from keytwin.design.views import View
from keytwin.drawing.compartments import Compartment, bold_lines, compartment_piece, keyword, value_lines
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Side
from keytwin.drawing.grid import Spacing
from keytwin.drawing.internal import multiplicity
from keytwin.drawing.metrics import wrap
from keytwin.drawing.pieces import SMALL, Strand, composed, label_lines, strand, told, wire_between
from keytwin.drawing.scene import Scene, Tip
from keytwin.drawing.tree import tree_places

UP: Final = {Side.TOP: 0.0}
DOWN: Final = {Side.BOTTOM: 0.0}
HUNG: Final = 20.0
SPACING: Final = Spacing(margin=22.0, across=18.0)


@dataclass(frozen=True, slots=True)
class _Kinship:
    """Two blocks joined: a general one and a special one, or a whole and the kind of its parts."""

    above: ElementId
    below: ElementId
    parts: tuple[Part, ...] = ()
    """The parts; none for a generalisation."""


def block_definition(model: Model, view: View) -> Scene:
    """Draw blocks, what they are special cases of, and what they consist of."""
    shown = [model.elements[each] for each in view.shown if each in model]
    blocks = [each for each in shown if isinstance(each, Block)]
    parts = [each for each in shown if isinstance(each, Part)]
    kinships = _kinships(blocks, parts)
    places = tree_places([each.id for each in blocks], [(each.above, each.below) for each in kinships])
    pieces = []
    for block in blocks:
        piece = compartment_piece(
            block,
            [keyword("block"), *bold_lines(block.name)],
            at=(0, 0),
            compartments=_compartments(model, block, blocks, parts),
        )
        place = places[block.id]
        # All boxes of a row begin at one height: the anchor lies just below their tops.
        down = piece.cell.up + piece.cell.down - HUNG
        cell = replace(piece.cell, row=place.row, column=place.column, span=place.span, up=HUNG, down=down)
        pieces.append(replace(piece, cell=cell))
    scene, _ = composed(pieces, [_strand(model, each) for each in kinships], SPACING)
    about = f"{len(blocks)} blocks: {', '.join(each.name for each in blocks)}"
    return framed(scene, kind="bdd", name=view.id, title=view.title, about=about)


def _kinships(blocks: Sequence[Block], parts: Sequence[Part]) -> list[_Kinship]:
    known = {block.id for block in blocks}
    owned: dict[tuple[ElementId, ElementId], list[Part]] = {}
    for part in parts:
        if part.owner in known and part.block in known:
            owned.setdefault((part.owner, part.block), []).append(part)
    wholes = [_Kinship(owner, kind, tuple(held)) for (owner, kind), held in owned.items()]
    return wholes + [_Kinship(block.general, block.id) for block in blocks if block.general in known and block.general]


def _compartments(model: Model, block: Block, blocks: Sequence[Block], parts: Sequence[Part]) -> list[Compartment]:
    """List values, ports, and the parts whose kinds are not drawn."""
    drawn = {each.id for each in blocks}
    ports = [f"{port.name} : {'~' if port.is_conjugated else ''}{_name(model, port.kind)}" for port in block.ports]
    listed = [
        f"{part.name} : {_name(model, part.block)} [{multiplicity(part)}]"
        for part in parts
        if part.owner == block.id and part.block not in drawn
    ]
    return [
        Compartment("attributes", value_lines(block.properties)),
        Compartment("parts", _wrapped(listed)),
        Compartment("ports", _wrapped(ports)),
    ]


def _wrapped(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(part for line in lines for part in wrap(line, SMALL, 230))


def _name(model: Model, wanted: ElementId) -> str:
    found = model.elements.get(wanted)
    return found.name if found else wanted


def _strand(model: Model, each: _Kinship) -> Strand:
    if not each.parts:
        title = f"{_name(model, each.below)} is a {_name(model, each.above)}"
        wire = wire_between(f"{each.below}:>{each.above}", each.above, each.below, title, each.below)
        wire = replace(wire, tip=Tip.NONE, tail=Tip.HOLLOW, bundle=f"general {each.above}")
        return strand(wire, leaves=DOWN, enters=UP)
    title = "; ".join(told(part) for part in each.parts)
    wire = wire_between(f"{each.above}*{each.below}", each.above, each.below, title, each.parts[0].id)
    wire = replace(wire, tip=Tip.NONE, tail=Tip.OWNS, bundle=f"whole {each.above}")
    lines = [line for part in each.parts for line in label_lines(_role_name(model, part), 120)]
    return strand(wire, leaves=DOWN, enters=UP, lines=tuple(lines))


def _role_name(model: Model, part: Part) -> str:
    """Return what stands at the end of a composition: how many, and as what where the kind does not say so."""
    many = multiplicity(part)
    return many if part.name == _name(model, part.block) else f"{part.name} {many}"
