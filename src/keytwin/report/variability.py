"""What is known of a variability model, with how long it took to find out."""

from __future__ import annotations

from time import perf_counter_ns

import msgspec

from keytwin.design.counting import Diagram
from keytwin.design.selection import Selection
from keytwin.files.variability import read_variability
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Duration


class VariabilityFacts(msgspec.Struct, frozen=True):
    """Size, core, dead features and number of configurations of a model."""

    name: str
    kind: str
    points: int
    """Variation points, and below variants: 0 where a file knows features only."""
    variants: int
    features: int
    groups: int
    constraints: int
    core: tuple[str, ...]
    """What every configuration has."""
    dead: tuple[str, ...]
    """What none has."""
    count: str
    """Exact, as text since it may be too large for a number; empty when it was not found."""
    not_counted: str
    """Why not."""
    left_out: tuple[str, ...]
    """What the file says beyond choices: with it the count is an upper bound."""
    reading_time: Duration
    core_time: Duration
    counting_time: Duration


def variability_facts(where: str) -> VariabilityFacts:
    """Find out about a model, by name in the library or by path; Mistake when there is none such."""
    begun = perf_counter_ns()
    found = read_variability(where)
    read = perf_counter_ns()
    model, ovm = found.model, found.ovm
    selection = Selection(model)
    core, dead = selection.forced, selection.dead
    cored = perf_counter_ns()
    count, not_counted = "", ""
    try:
        count = str(Diagram(model).count())
    except Mistake as mistake:
        not_counted = str(mistake)
    return VariabilityFacts(
        name=model.name,
        kind=found.kind,
        points=len(ovm.points) if ovm else 0,
        variants=len(ovm.variants) if ovm else 0,
        features=len(model.features),
        groups=len(model.groups),
        constraints=len(model.constraints),
        core=() if selection.is_void else core,
        dead=tuple(model.features) if selection.is_void else dead,
        count=count,
        not_counted=not_counted,
        left_out=model.left_out,
        reading_time=Duration(read - begun),
        core_time=Duration(cored - read),
        counting_time=Duration(perf_counter_ns() - cored),
    )
