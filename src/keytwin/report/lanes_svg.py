"""Event lanes as an SVG, for papers and pages: paper B, Fig. 4, readable in grey and by colour-blind people.

Equal lanes give equal bytes: letters are drawn as paths, identifiers are salted with a constant, no date is written.
The axes count inches from the top left corner, so every distance below is one on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from keytwin.report.lanes import LaneMark, Lanes, Mark
from keytwin.report.placement import Panel, panels, place
from keytwin.report.time_axis import round_unit, show_instant, show_span, ticks
from keytwin.vocabulary.identity import AppId, NodeId

# Okabe and Ito, "Color Universal Design": told apart with every common colour vision.
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: Final = ((0, ()), (0, (5, 1.6)), (0, (1.3, 1.3)), (0, (6, 1.6, 1.3, 1.6)))
# Hollow marks are signalling, filled ones are keys.
SHAPES: Final = {
    Mark.REQUESTED: ("o", False),
    Mark.AUTHENTICATED: ("^", False),
    Mark.CONFIGURED: ("s", False),
    Mark.READY: ("D", True),
    Mark.RELAYED: (">", True),
    Mark.ANSWERED: ("o", True),
    Mark.REFUSED: ("x", False),
}
INK: Final = "#222222"
PALE: Final = "#666666"
BAND: Final = "#f1f3f5"

# Inches.
WIDTH: Final = 9.0
LEFT: Final = 0.75  # lane names
RIGHT: Final = 0.2
ROW: Final = 0.24
LANE_GAP: Final = 0.1
PAUSE: Final = 0.5
SESSIONS_ABREAST: Final = 4  # in the legend
LABEL: Final = 0.22  # of what the network waits for in a pause
COLUMN: Final = 0.17  # between the centres of two marks of a row
TICK_ROOM: Final = 0.5  # between two labels of the time axis
LEGEND_LINE: Final = 0.24
LEGEND_GAP: Final = 0.14  # between the legend and the lanes
FOOT: Final = 0.55
EDGE: Final = 0.14  # inside a panel, left and right of the marks

FONT_SIZE: Final = 8.5  # points
POINTS: Final = 72  # in an inch
FIRST_BLOCK: Final = "links distil their first block"


@dataclass(frozen=True, slots=True)
class _Style:
    colour: str
    dash: tuple[int, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class _Field:
    """One panel on paper."""

    panel: Panel
    left: float
    right: float

    def columns(self) -> int:
        return max(2, int((self.right - self.left - 2 * EDGE) / COLUMN) + 1)

    def x_of(self, column: float) -> float:
        """Return where a column lies; columns fill the panel from edge to edge."""
        width = self.right - self.left - 2 * EDGE
        return self.left + EDGE + width * column / (self.columns() - 1)


@dataclass(slots=True)
class _Sheet:
    """Where everything goes."""

    lanes: Lanes
    styles: Mapping[AppId, _Style]
    rows: dict[tuple[NodeId, AppId], float] = field(default_factory=dict)
    bands: dict[NodeId, tuple[float, float]] = field(default_factory=dict)
    fields: list[_Field] = field(default_factory=list)

    @property
    def top(self) -> float:
        """Where the lanes begin: below as many legend lines as the sessions need, and one for the marks."""
        lines = -(-len(self.lanes.sessions) // SESSIONS_ABREAST) + 1
        return lines * LEGEND_LINE + LEGEND_GAP

    @property
    def height(self) -> float:
        return max((bottom for _, bottom in self.bands.values()), default=self.top) + FOOT

    @property
    def floor(self) -> float:
        """Where the time axis lies."""
        return self.height - FOOT + 0.06


def draw_lanes(lanes: Lanes) -> Figure:
    """Draw the lanes of a run as a matplotlib figure."""
    with _settings():
        sheet = _sheet(lanes)
        figure = Figure(figsize=(WIDTH, sheet.height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(sheet.height, 0))
        axes.set_axis_off()
        _draw_bands(axes, sheet)
        _draw_time(axes, sheet)
        _draw_pauses(axes, sheet)
        _draw_rows(axes, sheet)
        _draw_legends(figure, sheet)
        return figure


def lanes_as_svg(lanes: Lanes, title: str = "keytwin") -> bytes:
    """Return the lanes of a run as the bytes of an SVG file."""
    figure = draw_lanes(lanes)
    buffer = BytesIO()
    with _settings():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    return buffer.getvalue()


def _settings() -> AbstractContextManager[None]:
    return rc_context(
        {
            "svg.hashsalt": "keytwin",
            "svg.fonttype": "path",
            "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
            "font.size": FONT_SIZE,
        }
    )


def _sheet(lanes: Lanes) -> _Sheet:
    styles = {
        session.app: _Style(COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)])
        for index, session in enumerate(lanes.sessions)
    }
    sheet = _Sheet(lanes, styles)
    top = sheet.top
    for node in lanes.nodes:
        apps = [session.app for session in lanes.rows(node)]
        sheet.rows |= {(node, app): top + ROW * (index + 0.5) for index, app in enumerate(apps)}
        sheet.bands[node] = (top, top + ROW * len(apps))
        top += ROW * len(apps) + LANE_GAP
    sheet.fields = list(_fields(panels(lanes)))
    return sheet


def _fields(parts: Sequence[Panel]) -> Iterator[_Field]:
    """Share the width out: a panel with more marks side by side gets more of it."""
    room = WIDTH - LEFT - RIGHT - PAUSE * (len(parts) - 1)
    weights = [max(4, part.busiest + 1) for part in parts]
    left = LEFT
    for part, weight in zip(parts, weights, strict=True):
        width = room * weight / sum(weights)
        yield _Field(part, left, left + width)
        left += width + PAUSE


def _draw_bands(axes: Axes, sheet: _Sheet) -> None:
    for node, (top, bottom) in sheet.bands.items():
        axes.text(LEFT - 0.12, (top + bottom) / 2, node, ha="right", va="center", color=INK, weight="bold")
        for each in sheet.fields:
            axes.add_patch(Rectangle((each.left, top), each.right - each.left, bottom - top, color=BAND, lw=0))


def _draw_time(axes: Axes, sheet: _Sheet) -> None:
    """Draw under each panel a scale of its own, and below it the time at which the panel begins."""
    floor = sheet.floor
    for each in sheet.fields:
        axes.plot([each.left, each.right], [floor, floor], color=PALE, lw=0.8)
        length = each.panel.stretch.length
        width = each.right - each.left - 2 * EDGE
        offsets = [0, *ticks(length, most=int(width / TICK_ROOM))]
        scale, unit = round_unit(length)
        for offset in offsets:
            x = each.left + EDGE + (width * offset / length if length else 0)
            axes.plot([x, x], [floor, floor + 0.05], color=PALE, lw=0.8)
            label = f"{offset / scale:g}" + (f" {unit}" if offset == offsets[-1] and offset else "")
            axes.text(x, floor + 0.08, label, ha="center", va="top", color=PALE, size=7.5)
        begin = show_instant(each.panel.stretch.start, length)
        axes.text(each.left + EDGE - 0.03, floor + 0.25, f"from {begin}", ha="left", va="top", color=INK, size=8)


def _draw_pauses(axes: Axes, sheet: _Sheet) -> None:
    """Say how long each cut-out pause is, and what the network was waiting for when that is known."""
    middle = (sheet.top + sheet.floor) / 2
    for left, right in pairwise(sheet.fields):
        start, end = left.panel.stretch.end, right.panel.stretch.start
        x = (left.right + right.left) / 2
        axes.text(x, sheet.floor, show_span(end - start), ha="center", va="center", color=PALE, size=7.5)
        for edge in (left.right, right.left):
            axes.plot([edge - 0.03, edge + 0.03], [sheet.floor + 0.06, sheet.floor - 0.06], color=PALE, lw=0.8)
        block = sheet.lanes.first_block
        if block is not None and start < block <= end:
            strip = (x - LABEL / 2, sheet.top), LABEL, sheet.floor - sheet.top - ROW / 2
            axes.add_patch(Rectangle(*strip, color="white", lw=0, zorder=4))
            axes.text(x, middle, FIRST_BLOCK, rotation=90, ha="center", va="center", color=PALE, zorder=5)


def _draw_rows(axes: Axes, sheet: _Sheet) -> None:
    placed: dict[tuple[NodeId, AppId], list[tuple[float, LaneMark]]] = {row: [] for row in sheet.rows}
    for each in sheet.fields:
        for mark, column in zip(each.panel.marks, place(each.panel, each.columns()), strict=True):
            placed[mark.node, mark.app].append((each.x_of(column), mark))
    for (node, app), marks in placed.items():
        _draw_row(axes, sheet.rows[node, app], sheet.styles[app], marks)


def _draw_row(axes: Axes, y: float, style: _Style, marks: Sequence[tuple[float, LaneMark]]) -> None:
    axes.plot([marks[0][0], marks[-1][0]], [y, y], color=style.colour, ls=style.dash, lw=1.3, zorder=2)
    for x, mark in marks:
        shape, is_filled = SHAPES[mark.mark]
        face = style.colour if is_filled else "white"
        axes.plot(x, y, shape, ms=6, mfc=face, mec=style.colour, mew=1.2, zorder=3)
        if mark.count > 1:
            axes.text(x, y - 0.06, f"{mark.count} x", ha="center", va="bottom", color=style.colour, size=6.5)


def _draw_legends(figure: Figure, sheet: _Sheet) -> None:
    sessions = [
        Line2D([], [], color=style.colour, ls=style.dash, lw=1.6, label=session.label)
        for session in sheet.lanes.sessions
        for style in [sheet.styles[session.app]]
    ]
    drawn = {mark.mark for mark in sheet.lanes.marks}
    marks = [
        Line2D([], [], ls="", marker=shape, ms=6, mfc=INK if filled else "white", mec=INK, mew=1.1, label=mark.value)
        for mark, (shape, filled) in SHAPES.items()
        if mark in drawn
    ]
    abreast = min(len(sessions), SESSIONS_ABREAST)
    marks_top = sheet.top - LEGEND_GAP - LEGEND_LINE
    for handles, top, columns in ((sessions, 0.0, abreast), (marks, marks_top, len(marks))):
        figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=((LEFT - 0.1) / WIDTH, 1 - (top + 0.06) / sheet.height),
            ncols=max(1, columns),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handletextpad=0.5,
            columnspacing=1.6,
            labelspacing=LEGEND_LINE * POINTS / FONT_SIZE - 1,
        )
