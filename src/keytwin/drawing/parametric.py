"""Parametric diagrams: equations with their parameters on the border, bound to values of blocks. SysML v2 8.2.3.19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keytwin.design.model import Binding, Block, ElementId, Equation, Model, Property
from keytwin.design.views import View
from keytwin.drawing.compartments import (
    Compartment,
    Gate,
    bold_lines,
    compartment_piece,
    keyword,
    port_room,
    value_lines,
    with_sockets,
)
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Side
from keytwin.drawing.grid import Spacing
from keytwin.drawing.metrics import wrap
from keytwin.drawing.pieces import SIZE, Line, Piece, Strand, composed, name_of, strand, wire_between
from keytwin.drawing.scene import Figure, Role, Scene, Tip

BESIDE: Final = {Side.LEFT: 0.0, Side.RIGHT: 0.0}
SPACING: Final = Spacing(pin=20.0, track=14.0, margin=22.0)
EXPRESSION: Final = 260.0
Bound = tuple[Equation, Binding]


def parametric(model: Model, view: View) -> Scene:
    """Draw equations between the blocks whose values they relate."""
    shown = [model.elements[each] for each in view.shown if each in model]
    equations = [each for each in shown if isinstance(each, Equation)]
    blocks = {each.id: each for each in shown if isinstance(each, Block)}
    bound = [(equation, each) for equation in equations for each in equation.bindings if each.block in blocks]
    used = [block for block in blocks.values() if any(each.block == block.id for _, each in bound)]
    idle = [block for block in blocks.values() if block not in used]
    columns = _columns(equations, used, idle)
    pieces = [_equation(model, each, columns[each.id], bound) for each in equations]
    pieces += [_block(each, columns[each.id], bound) for each in (*used, *idle)]
    strands = [_strand(model, equation, each, columns[each.block][1]) for equation, each in bound]
    scene, laid = composed(pieces, strands, SPACING)
    gates = {(e.id, each.parameter): _parameter_gate(e, each) for e, each in bound}
    gates |= {(each.block, each.property): _value_gate(blocks[each.block], each) for _, each in bound}
    scene = with_sockets(scene, laid, strands, gates)
    about = f"{len(equations)} equations over the values of {', '.join(each.name for each in used) or 'no block'}"
    return framed(scene, kind="par", name=view.id, title=view.title, about=about)


def _columns(
    equations: Sequence[Equation], used: Sequence[Block], idle: Sequence[Block]
) -> dict[ElementId, tuple[int, int]]:
    """Put equations in the middle, the blocks left and right of them by turns."""
    blocks = [*used, *idle]
    left, right = blocks[::2], blocks[1::2]
    rows = max(len(equations), len(left), len(right), 1)
    found: dict[ElementId, tuple[int, int]] = {}
    for column, group in enumerate((left, equations, right)):
        first = (rows - len(group)) // 2
        found.update({each.id: (first + index, column) for index, each in enumerate(group)})
    return found


def _equation(model: Model, each: Equation, at: tuple[int, int], bound: Sequence[Bound]) -> Piece:
    joined = [binding.parameter for equation, binding in bound if equation is each]
    heading = [keyword("constraint"), *bold_lines(each.name, EXPRESSION)]
    heading += [Line(line, SIZE) for line in wrap(f"{{{each.expression}}}", SIZE, EXPRESSION)]
    loose = [parameter for parameter in each.parameters if parameter.name not in joined]
    elsewhere = {
        b.parameter: f"{name_of(model, b.block)}.{b.property}" for b in each.bindings if b.parameter not in joined
    }
    lines = value_lines([replace(p, value=elsewhere.get(p.name, p.value)) for p in loose])
    return compartment_piece(
        each,
        heading,
        at=at,
        compartments=[Compartment("parameters", lines)],
        figure=Figure.ROUND,
        role=Role.STRONG,
        room=port_room(joined),
    )


def _block(each: Block, at: tuple[int, int], bound: Sequence[Bound]) -> Piece:
    joined = list(dict.fromkeys(binding.property for _, binding in bound if binding.block == each.id))
    values = [value for value in each.properties if value.name not in joined]
    heading = [keyword("block"), *bold_lines(each.name)]
    labels = [_value_label(each, name) for name in joined]
    return compartment_piece(
        each,
        heading,
        at=at,
        compartments=[Compartment("attributes", value_lines(values))],
        room=port_room(labels, sides=1),
    )


def _property_of(block: Block, name: str) -> Property | None:
    return next((each for each in block.properties if each.name == name), None)


def _value_label(block: Block, name: str) -> str:
    found = _property_of(block, name)
    return f"{name} = {found.value}" if found and found.value else name


def _value_gate(block: Block, each: Binding) -> Gate:
    label = _value_label(block, each.property)
    return Gate(label, f"{block.name}.{label}", block.id)


def _parameter_gate(equation: Equation, each: Binding) -> Gate:
    quantity: Mapping[str, str] = {parameter.name: parameter.quantity for parameter in equation.parameters}
    return Gate(
        each.parameter, f"{each.parameter} : {quantity.get(each.parameter, 'value')}", equation.id, role=Role.STRONG
    )


def _strand(model: Model, equation: Equation, each: Binding, column: int) -> Strand:
    title = f"{equation.name}.{each.parameter} = {name_of(model, each.block)}.{each.property}"
    wire = wire_between(
        f"{equation.id}.{each.parameter}={each.block}.{each.property}", each.block, equation.id, title, equation.id
    )
    return strand(
        replace(wire, tip=Tip.NONE),
        leaves={Side.RIGHT if column == 0 else Side.LEFT: 0.0},
        enters=BESIDE,
        ports=(each.property, each.parameter),
        lines=("=",),
    )
