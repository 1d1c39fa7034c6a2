"""Where the marks of event lanes go: in order of time, on the scale of their stretch, and never on one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keytwin.report.lanes import LaneMark, Lanes
from keytwin.report.time_axis import MOST_STRETCHES, Stretch, stretches
from keytwin.vocabulary.identity import AppId, NodeId
from keytwin.vocabulary.units import START


@dataclass(frozen=True, slots=True)
class Panel:
    """One stretch and its marks; `busiest` is the largest number of marks that share a row."""

    stretch: Stretch
    marks: tuple[LaneMark, ...]
    busiest: int


def panels(lanes: Lanes, most: int = MOST_STRETCHES) -> tuple[Panel, ...]:
    """Divide lanes into stretches of activity; the first one begins at 0 s when it begins soon after."""
    parts = list(stretches([mark.at for mark in lanes.marks], most))
    if parts and parts[0].start < parts[0].length:
        parts[0] = Stretch(START, parts[0].end, parts[0].instants)
    return tuple(_panel(part, lanes) for part in parts)


def place(panel: Panel, columns: int) -> list[float]:
    """Return the column, from 0 to `columns` - 1, of each of a panel's marks.

    Marks of one row are at least a column apart as long as there is room. What happened later by more than a
    column's worth of time never stands before what happened earlier, also in another row.
    """
    scale = (columns - 1) / panel.stretch.length if panel.stretch.length else 0.0
    placed = _pushed_right(panel.marks, [(mark.at - panel.stretch.start) * scale for mark in panel.marks])
    # Back from the right edge, so that a crowd at the end pushes to the left what it has no room for.
    limit: dict[tuple[NodeId, AppId], float] = {}
    for index in reversed(range(len(placed))):
        row = _row(panel.marks[index])
        placed[index] = max(0.0, min(placed[index], limit.get(row, columns - 1.0)))
        limit[row] = placed[index] - 1
    return placed


def _pushed_right(marks: Sequence[LaneMark], wanted: Sequence[float]) -> list[float]:
    placed: list[float] = []
    last: dict[tuple[NodeId, AppId], float] = {}
    reached, behind = 0.0, 0  # the furthest column of everything that lies more than a column's time back
    for mark, linear in zip(marks, wanted, strict=True):
        while wanted[behind] < linear - 1:
            reached = max(reached, placed[behind])
            behind += 1
        column = max(linear, reached, last.get(_row(mark), -1.0) + 1)
        placed.append(column)
        last[_row(mark)] = column
    return placed


def _panel(stretch: Stretch, lanes: Lanes) -> Panel:
    marks = tuple(mark for mark in lanes.marks if stretch.start <= mark.at <= stretch.end)
    rows = [_row(mark) for mark in marks]
    return Panel(stretch, marks, max(rows.count(row) for row in set(rows)))


def _row(mark: LaneMark) -> tuple[NodeId, AppId]:
    return mark.node, mark.app
