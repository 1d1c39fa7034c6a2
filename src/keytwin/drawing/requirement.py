"""Requirements, what satisfies them and what verifies them, with the dependency arrows of SysML 1.7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keytwin.design.model import Block, Element, ElementId, Model, Part, Requirement, Verification
from keytwin.design.views import View
from keytwin.drawing.compartments import Compartment, Look, bold_lines, compartment_piece, keyword
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Side
from keytwin.drawing.grid import Spacing
from keytwin.drawing.layers import spread_layers
from keytwin.drawing.metrics import wrap
from keytwin.drawing.pieces import SMALL, Piece, Strand, composed, name_of, strand, wire_between
from keytwin.drawing.scene import Figure, Role, Scene, Stroke

TEXT: Final = 230.0
BESIDE: Final = {Side.LEFT: 0.0, Side.RIGHT: 0.0, Side.TOP: 1.5, Side.BOTTOM: 1.5}
SPACING: Final = Spacing(track=14.0, margin=18.0)


def requirement(model: Model, view: View) -> Scene:
    """Draw requirements on the left, what is derived from them, satisfies and verifies them further right."""
    shown = [model.elements[each] for each in view.shown if each in model]
    drawn = [each for each in shown if isinstance(each, Requirement | Verification | Block | Part)]
    known = {each.id for each in drawn}
    relations = _relations(drawn, known)
    drawn = [
        each
        for each in drawn
        if isinstance(each, Requirement | Verification) or any(each.id in r[:2] for r in relations)
    ]
    # Turned round on purpose: the arrows of SysML lead from what depends to what it depends on, and what others depend
    # on is to lie on the left.
    places = spread_layers([each.id for each in drawn], [(target, source) for source, target, _ in relations])
    pieces = [_piece(model, each, places[each.id], known) for each in drawn]
    strands = [_strand(model, *relation) for relation in relations]
    scene, _ = composed(pieces, strands, SPACING)
    count = sum(isinstance(each, Requirement) for each in drawn)
    about = f"{count} requirements and {len(drawn) - count} elements that satisfy or verify them"
    return framed(scene, kind="req", name=view.id, title=view.title, about=about)


def _relations(drawn: Sequence[Element], known: set[ElementId]) -> list[tuple[ElementId, ElementId, str]]:
    """Return the dependencies: from whom, to whom, and of what kind."""
    found: list[tuple[ElementId, ElementId, str]] = []
    for each in drawn:
        if isinstance(each, Requirement):
            found += [(each.id, origin, "deriveReqt") for origin in each.derived_from]
            found += [(part, each.id, "satisfy") for part in each.satisfied_by]
        elif isinstance(each, Verification):
            found.append((each.id, each.requirement, "verify"))
    return [relation for relation in found if {relation[0], relation[1]} <= known]


def _piece(model: Model, each: Element, at: tuple[int, int], known: set[ElementId]) -> Piece:
    match each:
        case Requirement():
            return _requirement_piece(model, each, at, known)
        case Verification():
            measures = wrap(f"measures: {each.measures}", SMALL, TEXT) if each.measures else []
            lines = (*wrap(f"method: {each.method}", SMALL, TEXT), *measures)
            heading = [keyword("verification"), *bold_lines(each.name, 200)]
            look = Look(figure=Figure.ROUND)
            return compartment_piece(each, heading, at=at, compartments=[Compartment("", lines)], look=look)
        case Block():
            return compartment_piece(each, [keyword("block"), *bold_lines(each.name)], at=at)
        case _:
            look = Look(figure=Figure.ROUND)
            return compartment_piece(each, [keyword("part"), *bold_lines(each.name)], at=at, look=look)


def _requirement_piece(model: Model, each: Requirement, at: tuple[int, int], known: set[ElementId]) -> Piece:
    """Return a requirement; what it comes from and what satisfies it is listed where it is not drawn."""
    named = {
        "subject": [each.subject],
        "derived from": [origin for origin in each.derived_from if origin not in known],
        "satisfied by": [part for part in each.satisfied_by if part not in known],
    }
    compartments = [Compartment("", tuple(wrap(each.text, SMALL, TEXT)))]
    for title, ids in named.items():
        lines = [line for one in ids for line in wrap(name_of(model, one), SMALL, TEXT)]
        compartments.append(Compartment(title, tuple(lines)))
    heading = [keyword("requirement"), *bold_lines(each.name, TEXT)]
    look = Look(figure=Figure.ROUND, role=Role.STRONG)
    return compartment_piece(each, heading, at=at, compartments=compartments, look=look)


def _strand(model: Model, source: ElementId, target: ElementId, kind: str) -> Strand:
    title = f"{name_of(model, source)} «{kind}» {name_of(model, target)}"
    wire = wire_between(f"{source} {kind} {target}", source, target, title, source)
    return strand(replace(wire, stroke=Stroke.DASHED), leaves=BESIDE, enters=BESIDE, lines=(f"«{kind}»",))
