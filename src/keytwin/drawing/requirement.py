"""Requirements, what satisfies them and what verifies them: SysML v2 8.2.3.21, with the dependency arrows of SysML 1.7."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from keytwin.design.model import Block, Element, ElementId, Model, Part, Requirement, Verification
from keytwin.design.views import View
from keytwin.drawing.compartments import Compartment, bold_lines, compartment_piece, keyword
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
            elsewhere = [name_of(model, part) for part in each.satisfied_by if part not in known]
            sources = [name_of(model, origin) for origin in each.derived_from if origin not in known]
            return compartment_piece(
                each,
                [keyword("requirement"), *bold_lines(each.name, TEXT)],
                at=at,
                compartments=[
                    Compartment("", tuple(wrap(each.text, SMALL, TEXT))),
                    Compartment("subject", tuple(wrap(name_of(model, each.subject), SMALL, TEXT))),
                    Compartment("derived from", tuple(line for name in sources for line in wrap(name, SMALL, TEXT))),
                    Compartment("satisfied by", tuple(line for name in elsewhere for line in wrap(name, SMALL, TEXT))),
                ],
                figure=Figure.ROUND,
                role=Role.STRONG,
            )
        case Verification():
            lines = tuple(wrap(f"method: {each.method}", SMALL, TEXT)) + tuple(
                wrap(f"measures: {each.measures}" if each.measures else "", SMALL, TEXT) if each.measures else ()
            )
            heading = [keyword("verification"), *bold_lines(each.name, 200)]
            return compartment_piece(each, heading, at=at, compartments=[Compartment("", lines)], figure=Figure.ROUND)
        case _:
            word = "block" if isinstance(each, Block) else "part"
            figure = Figure.BOX if isinstance(each, Block) else Figure.ROUND
            return compartment_piece(each, [keyword(word), *bold_lines(each.name)], at=at, figure=figure)


def _strand(model: Model, source: ElementId, target: ElementId, kind: str) -> Strand:
    title = f"{name_of(model, source)} «{kind}» {name_of(model, target)}"
    wire = wire_between(f"{source} {kind} {target}", source, target, title, source)
    return strand(replace(wire, stroke=Stroke.DASHED), leaves=BESIDE, enters=BESIDE, lines=(f"«{kind}»",))
