"""Event lanes in a terminal: as wide as it is, in plain ASCII where it knows no more (paper B, Fig. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rich.text import Text

from keytwin.report.lanes import LaneMark, Lanes, Mark
from keytwin.report.placement import Panel, panels, place
from keytwin.report.time_axis import MOST_STRETCHES, show_instant, show_span
from keytwin.vocabulary.identity import AppId, NodeId

NARROWEST: Final = 60  # columns; below it the lanes wrap
WIDEST: Final = 110  # columns; beyond it the eye loses the row
NOTHING: Final = "nothing happened at any key manager"
EDGE: Final = 1  # free columns at both sides of a panel


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of one drawing; a session's line is told by its character as well as by its colour."""

    marks: dict[Mark, str]
    lines: str
    pause: str
    times: str


UNICODE: Final = Glyphs(
    marks={
        Mark.REQUESTED: "○",
        Mark.AUTHENTICATED: "△",
        Mark.CONFIGURED: "□",
        Mark.READY: "◆",
        Mark.RELAYED: "▶",
        Mark.ANSWERED: "●",
        Mark.REFUSED: "✕",
    },
    lines="─╌┈═",
    pause="╱╱",  # noqa: RUF001  # joins the lines on both sides as a slash doesn't
    times="×",  # noqa: RUF001  # the sign of multiplication is meant
)
ASCII: Final = Glyphs(
    marks={
        Mark.REQUESTED: "o",
        Mark.AUTHENTICATED: "a",
        Mark.CONFIGURED: "c",
        Mark.READY: "K",
        Mark.RELAYED: ">",
        Mark.ANSWERED: "*",
        Mark.REFUSED: "x",
    },
    lines="-=.~",
    pause="//",
    times="x",
)
COLOURS: Final = ("blue", "red", "green", "magenta", "yellow", "cyan")

Row = tuple[NodeId, AppId]


def glyphs_for(encoding: str) -> Glyphs:
    """Return the characters that a terminal of this encoding can show."""
    drawn = "".join([*UNICODE.marks.values(), UNICODE.lines, UNICODE.pause, UNICODE.times])
    try:
        drawn.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def lanes_as_text(lanes: Lanes, width: int = 100, glyphs: Glyphs = UNICODE) -> Text:
    """Return the lanes of a run as coloured text of at most `width` columns.

    Rows name their session when there are more sessions than kinds of line.
    """
    if not lanes.marks:
        return Text(NOTHING)
    is_crowded = len(lanes.sessions) > len(glyphs.lines)
    name_width = max(len(node) for node in lanes.nodes) + 2
    name_width += max(len(each.app) for each in lanes.sessions) + 2 if is_crowded else 0
    strips = _strips(lanes, max(NARROWEST, min(width, WIDEST)) - name_width)
    lines = [*([] if is_crowded else _session_legend(lanes, glyphs)), _mark_legend(lanes, glyphs), Text()]
    for node in lanes.nodes:
        for index, session in enumerate(lanes.rows(node)):
            own = node if not index else ""
            name = f"{own:<{max(map(len, lanes.nodes))}}  {session.app}" if is_crowded else own
            lines.append(Text(f"{name:<{name_width}}", style="bold") + _row(lanes, (node, session.app), strips, glyphs))
    lines += [Text(" " * name_width + axis, style="dim") for axis in _axis(strips)]
    return Text("\n").join(lines)


@dataclass(frozen=True, slots=True)
class _Strip:
    """A panel in the terminal, and the pause before it."""

    panel: Panel
    left: int
    width: int
    pause: int
    columns: tuple[int, ...]  # of each mark of the panel, counted from the left end of the row


def _strips(lanes: Lanes, room: int) -> list[_Strip]:
    """Cut out as many pauses as there is room for: each one costs columns."""
    parts = panels(lanes)
    for most in reversed(range(1, MOST_STRETCHES)):
        if sum(_least(parts)) + sum(_pauses(parts)) > room:
            parts = panels(lanes, most)
    least, pauses = _least(parts), _pauses(parts)
    spare = max(0, room - sum(least) - sum(pauses))
    weights = [max(4, part.busiest + 1) for part in parts]
    widths = [own + spare * weight // sum(weights) for own, weight in zip(least, weights, strict=True)]
    return list(_side_by_side(parts, widths, pauses))


def _least(parts: Sequence[Panel]) -> list[int]:
    return [max(part.busiest, len(_beginning(part)), len(_length(part))) + 2 * EDGE for part in parts]


def _pauses(parts: Sequence[Panel]) -> list[int]:
    return [0] + [len(_pause(before, after)) for before, after in pairwise(parts)]


def _side_by_side(parts: Sequence[Panel], widths: Sequence[int], pauses: Sequence[int]) -> Iterator[_Strip]:
    left = 0
    for part, width, pause in zip(parts, widths, pauses, strict=True):
        left += pause
        columns = tuple(left + EDGE + int(column + 0.5) for column in place(part, width - 2 * EDGE))
        yield _Strip(part, left, width, pause, columns)
        left += width


def _row(lanes: Lanes, row: Row, strips: Sequence[_Strip], glyphs: Glyphs) -> Text:
    """Draw one session in one lane: its line from the first to the last mark, the pauses, and the marks upon it."""
    index = [session.app for session in lanes.sessions].index(row[1])
    marks = [
        (column, mark)
        for strip in strips
        for column, mark in zip(strip.columns, strip.panel.marks, strict=True)
        if (mark.node, mark.app) == row
    ]
    cells = [" "] * (strips[-1].left + strips[-1].width)
    first, last = marks[0][0], marks[-1][0]
    cells[first : last + 1] = glyphs.lines[index % len(glyphs.lines)] * (last + 1 - first)
    for strip in strips[1:]:
        middle = strip.left - strip.pause // 2 - 1
        if first < middle < last:
            cells[middle : middle + 2] = glyphs.pause
    _draw_marks(cells, marks, glyphs)
    return Text("".join(cells).rstrip(), style=COLOURS[index % len(COLOURS)])


def _draw_marks(cells: list[str], marks: Sequence[tuple[int, LaneMark]], glyphs: Glyphs) -> None:
    # Marks first: a number is written beside them only where it covers none.
    for column, mark in marks:
        cells[column] = glyphs.marks[mark.mark]
    taken = {column for column, _ in marks}
    for column, mark in marks:
        label = f"{mark.count}{glyphs.times}"
        start = column - len(label)
        if mark.count > 1 and start > 0 and taken.isdisjoint(range(start, column)):
            cells[start:column] = label


def _axis(strips: Sequence[_Strip]) -> Iterator[str]:
    """Give the line that says when each panel begins and how long each pause was, and the one with their lengths."""
    begins, lengths = "", ""
    for before, strip in zip([None, *strips], strips, strict=False):
        if before is not None:
            pause = _pause(before.panel, strip.panel)
            begins = f"{begins:<{strip.left - len(pause)}}{pause}"
        begins = f"{begins:<{strip.left + EDGE}}{_beginning(strip.panel)}"
        lengths = f"{lengths:<{strip.left + EDGE}}{_length(strip.panel)}"
    yield begins
    yield lengths


def _session_legend(lanes: Lanes, glyphs: Glyphs) -> Iterator[Text]:
    for index, session in enumerate(lanes.sessions):
        line = glyphs.lines[index % len(glyphs.lines)] * 3
        yield Text(f"{line} {session.label}", style=COLOURS[index % len(COLOURS)])


def _mark_legend(lanes: Lanes, glyphs: Glyphs) -> Text:
    drawn = {mark.mark for mark in lanes.marks}
    return Text("  ".join(f"{glyph} {mark.value}" for mark, glyph in glyphs.marks.items() if mark in drawn))


def _pause(before: Panel, after: Panel) -> str:
    return f"({show_span(after.stretch.start - before.stretch.end)})"


def _beginning(panel: Panel) -> str:
    return show_instant(panel.stretch.start, panel.stretch.length)


def _length(panel: Panel) -> str:
    return f"for {show_span(panel.stretch.length)}"
