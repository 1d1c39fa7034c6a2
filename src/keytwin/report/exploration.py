"""An explored case to be written down: as a record for programs, as a table of the front, and in words."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from typing import Final

import msgspec

from keytwin.assessment.exploring import Explored
from keytwin.assessment.front_runs import PointRun
from keytwin.assessment.record import BASE_UNITS
from keytwin.design.exploration import Candidate, Fate, Judgement, Point
from keytwin.design.objectives import SCALES, Objective
from keytwin.design.proposals import SHAPING
from keytwin.design.verdict import Verdict, show_value
from keytwin.runtime.trace import own_version

FORMAT: Final = 1


class ObjectiveLine(msgspec.Struct, frozen=True):
    """What alternatives are compared by."""

    name: str
    measure: str
    unit: str
    """Of values; a level is its place in the order."""
    better: str
    """`at-least`: more is better; `at-most`: less is."""
    need: str
    """Whose it is; empty = of no need, to have enough to compare."""


class ValueLine(msgspec.Struct, frozen=True):
    """What an alternative comes to in one objective."""

    value: float | None
    """None = without limit, or not known: `shown` says which."""
    shown: str


class NeighbourLine(msgspec.Struct, frozen=True):
    """An alternative that differs in one variation point."""

    point: str
    instead: tuple[str, ...]
    fate: str
    why: str


class FrontRunLine(msgspec.Struct, frozen=True):
    """A trial of a point on the twin."""

    id: str
    seed: int
    events: int
    trace: str
    """SHA-256."""


class PointLine(msgspec.Struct, frozen=True):
    """A point of the front."""

    number: int
    variants: tuple[tuple[str, ...], ...]
    """Of each alternative with these figures."""
    values: tuple[ValueLine, ...]
    misses: tuple[str, ...]
    regrets: tuple[float, ...]
    regret: float | None
    neighbours: tuple[NeighbourLine, ...]
    runs: tuple[FrontRunLine, ...] = ()
    """What it was tried under; none where it was not run."""
    missed_in_runs: tuple[str, ...] = ()


class GroupLine(msgspec.Struct, frozen=True):
    """Alternatives that one thing keeps out of the front."""

    fate: str
    why: str
    count: int
    variants: tuple[tuple[str, ...], ...]


class ChangeLine(msgspec.Struct, frozen=True):
    """A threshold that would have to change."""

    need: str
    to: str
    share: float | None
    """Of the threshold; None where there is no such share."""


class RelaxationLine(msgspec.Struct, frozen=True):
    """Changes that together make alternatives acceptable."""

    changes: tuple[ChangeLine, ...]
    variants: tuple[tuple[str, ...], ...]


class ExplorationRecord(msgspec.Struct, frozen=True):
    """All that was found."""

    format: int
    kind: str
    keytwin: str
    name: str
    costs: str
    configurations: int
    is_met: bool
    objectives: tuple[ObjectiveLine, ...]
    not_compared: tuple[str, ...]
    scales: tuple[float, ...]
    front: tuple[PointLine, ...]
    others: tuple[GroupLine, ...]
    conflicts: tuple[tuple[str, ...], ...]
    relaxations: tuple[RelaxationLine, ...]


def exploration_record(explored: Explored) -> ExplorationRecord:
    """Return what was found, with nothing that another run would change."""
    found = explored.found
    return ExplorationRecord(
        format=FORMAT,
        kind="exploration",
        keytwin=own_version(),
        name=explored.case.name,
        costs=explored.book.name,
        configurations=len(found.candidates),
        is_met=found.is_met,
        objectives=tuple(map(_objective, found.objectives)),
        not_compared=explored.left_out,
        scales=SCALES,
        front=tuple(_point(explored, place, point) for place, point in enumerate(found.front)),
        others=tuple(
            GroupLine(judgement.fate, told_briefly(judgement), len(group), tuple(map(shaping, group)))
            for judgement, group in found.groups()
        ),
        conflicts=tuple(tuple(need.id for need in group) for group in explored.conflicts),
        relaxations=tuple(
            RelaxationLine(
                tuple(ChangeLine(each.need.id, each.written, _finite(each.share)) for each in relaxation.changes),
                tuple(tuple(each.configuration.chosen) for each in relaxation.proposals),
            )
            for relaxation in explored.relaxed
        ),
    )


def with_runs(record: ExplorationRecord, runs: Sequence[PointRun]) -> ExplorationRecord:
    """Return a record with what came of running its front."""
    front = tuple(
        msgspec.structs.replace(
            point,
            runs=tuple(FrontRunLine(each.id, each.seed, each.outcome.events.total, each.trace) for each in run.tries),
            missed_in_runs=run.missed,
        )
        for point, run in zip(record.front, runs, strict=True)
    )
    is_met = any(run.is_borne_out for run in runs) and record.is_met
    return msgspec.structs.replace(record, front=front, is_met=is_met)


def front_as_csv(record: ExplorationRecord) -> str:
    """Return the front as a table, a row an alternative, in base units."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    units = [f"{each.name} [{each.unit}]" for each in record.objectives]
    table.writerow(
        ["point", "variants", *units, "misses", *(f"regret at demand x {scale:g}" for scale in record.scales)]
    )
    for point in record.front:
        for variants in point.variants:
            values = ["" if each.value is None else f"{each.value:.10g}" for each in point.values]
            regrets = [f"{each:.10g}" for each in point.regrets] or [""] * len(record.scales)
            table.writerow([point.number, " ".join(variants), *values, " ".join(point.misses), *regrets])
    return text.getvalue()


def told(judgement: Judgement) -> str:
    """Say why an alternative is where it is."""
    match judgement.fate:
        case Fate.REJECTED:
            return "misses " + "; ".join(map(_missing, judgement.missed))
        case Fate.DOMINATED:
            return f"{told_briefly(judgement)}: " + "; ".join(map(str, judgement.gaps))
        case _:
            return told_briefly(judgement)


def told_briefly(judgement: Judgement) -> str:
    """Say it without figures, as it is the same for many."""
    match judgement.fate:
        case Fate.IMPOSSIBLE:
            return judgement.why_not
        case Fate.REJECTED:
            return "misses " + ", ".join(verdict.need.id for verdict in judgement.missed)
        case Fate.DOMINATED:
            return f"beaten by {_number(judgement)}"
        case Fate.FRONT:
            return f"not beaten: it is {_number(judgement)}"


def _number(judgement: Judgement) -> int:
    assert judgement.place is not None
    return judgement.place + 1


def shaping(candidate: Candidate) -> tuple[str, ...]:
    """Return the variants that shape an alternative's network."""
    return tuple(each for each in candidate.proposal.configuration.chosen if each.partition(".")[0] in SHAPING)


def _point(explored: Explored, place: int, point: Point) -> PointLine:
    found = explored.found
    return PointLine(
        number=place + 1,
        variants=tuple(map(shaping, point.candidates)),
        values=tuple(_value(each, value) for each, value in zip(found.objectives, point.values, strict=True)),
        misses=tuple(verdict.need.id for verdict in point.missed),
        regrets=point.regrets,
        regret=point.regret,
        neighbours=tuple(
            NeighbourLine(each.point, each.instead, each.judgement.fate, told(each.judgement))
            for each in found.neighbours(point, explored.ovm)
        ),
    )


def _objective(objective: Objective) -> ObjectiveLine:
    measure = objective.measure
    need = objective.need.id if objective.is_asked else ""
    return ObjectiveLine(objective.name, measure.name, BASE_UNITS[measure.quantity], measure.sense, need)


def _value(objective: Objective, value: float | None) -> ValueLine:
    return ValueLine(None if value is None else _finite(value), objective.shown(value))


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _missing(verdict: Verdict) -> str:
    measure, need = verdict.measure, verdict.need
    return f"{need.id} ({measure.name} {verdict.value}, {show_value(measure, need.threshold)} asked for)"


def lines_of(record: ExplorationRecord) -> Iterator[str]:
    """Say in lines what keeps the others out of the front, and what to do where nothing meets all."""
    for group in record.others:
        # What is beaten or misses a need says so itself; a physical reason alone would not.
        kind = f"{group.fate}: " if group.fate == Fate.IMPOSSIBLE else ""
        yield f"{group.count} x {kind}{group.why}"
    for conflict in record.conflicts:
        yield f"no alternative meets {' and '.join(conflict)}{' together' if len(conflict) > 1 else ''}"
    for relaxation in record.relaxations:
        changes = ", ".join(f"{each.need} to {each.to}" for each in relaxation.changes)
        yield f"it would do to relax {changes}: {' '.join(relaxation.variants[0])}"
