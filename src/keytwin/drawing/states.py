"""State machines from the tables that drive the running ones: SysML v2 8.2.3.18 (state transition view), UML 2.5 clause 14."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keytwin.design.model import ElementId, Model, StateMachine
from keytwin.design.views import View
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Side
from keytwin.drawing.grid import Spacing
from keytwin.drawing.layers import spread_layers
from keytwin.drawing.metrics import wrap
from keytwin.drawing.pieces import (
    SMALL,
    Piece,
    Strand,
    box_piece,
    composed,
    dot_piece,
    name_lines,
    strand,
    told,
    wire_between,
)
from keytwin.drawing.scene import Figure, Role, Scene
from keytwin.vocabulary.machine import TableView, Transition

LABEL: Final = 180.0
INITIAL: Final = "(initial)"
FINAL: Final = "(final)"
LEAVES: Final = {Side.BOTTOM: 0.0, Side.RIGHT: 0.6, Side.LEFT: 0.6, Side.TOP: 2.0}
ENTERS: Final = {Side.TOP: 0.0, Side.RIGHT: 0.6, Side.LEFT: 0.6, Side.BOTTOM: 2.0}
SPACING: Final = Spacing(track=14.0, pin=16.0, across=20.0, margin=18.0)


def state_machine(model: Model, view: View) -> Scene:
    """Draw a state machine; the messages that lead from one state to the same other share an arrow."""
    machine = next(
        element for each in view.shown if each in model and isinstance(element := model.elements[each], StateMachine)
    )
    table = machine.table
    names = [INITIAL, *table.states, *([FINAL] if table.final else [])]
    edges = [(INITIAL, table.initial), *((row.source, row.target) for row in table.transitions)]
    edges += [(state, FINAL) for state in table.final]
    places = spread_layers(names, edges, downwards=True)
    pieces = [_piece(machine, name, places[name]) for name in names]
    strands = [_plain(machine, INITIAL, table.initial), *(_plain(machine, state, FINAL) for state in table.final)]
    strands += [_strand(machine, source, target, rows) for (source, target), rows in _merged(table).items()]
    scene, _ = composed(pieces, strands, SPACING)
    about = f"{len(table.states)} states from {table.initial}; final: {', '.join(table.final) or 'none'}"
    return framed(scene, kind="stm", name=view.id, title=view.title, about=about)


def _piece(machine: StateMachine, name: str, at: tuple[int, int]) -> Piece:
    if name == INITIAL:
        return dot_piece(machine, Figure.DISC, (18.0, 18.0), at, key=name)
    if name == FINAL:
        return dot_piece(machine, Figure.BULLSEYE, (22.0, 22.0), at, key=name)
    piece = box_piece(machine, name_lines(name, bold=True), at=at, figure=Figure.ROUND, least=(120.0, 38.0), key=name)
    return replace(piece, node=replace(piece.node, title=f"state {name}", element=f"{machine.id}.{name}"))


def _merged(table: TableView) -> dict[tuple[str, str], list[Transition]]:
    found: dict[tuple[str, str], list[Transition]] = {}
    for row in table.transitions:
        found.setdefault((row.source, row.target), []).append(row)
    return found


def _plain(machine: StateMachine, source: str, target: str) -> Strand:
    wire = wire_between(f"{source}>{target}", source, target, told(machine), machine.id)
    return strand(wire, leaves=LEAVES, enters=ENTERS)


def _strand(machine: StateMachine, source: str, target: str, rows: Sequence[Transition]) -> Strand:
    words = _words(rows)
    wire = wire_between(
        f"{source}>{target}", source, target, "; ".join(words), ElementId(f"{machine.id}.{source}.{target}")
    )
    wire = replace(wire, role=Role.PLAIN)
    return strand(
        wire, leaves=LEAVES, enters=ENTERS, lines=tuple(line for each in words for line in wrap(each, SMALL, LABEL))
    )


def _words(rows: Sequence[Transition]) -> list[str]:
    """Return what is written at an arrow: the messages, those with the same guard together."""
    guards: dict[str, list[str]] = {}
    for row in rows:
        guards.setdefault(row.guard, []).append(row.message)
    return [", ".join(dict.fromkeys(messages)) + (f" [{guard}]" if guard else "") for guard, messages in guards.items()]
