"""The alternatives of a case by their first two objectives, with the front marked, as an SVG for papers and pages.

Equal explorations give equal bytes, as with event lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import isfinite
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from keytwin.design.exploration import Candidate, Exploration, Fate
from keytwin.design.need import Security
from keytwin.design.objectives import Objective
from keytwin.report.lanes_svg import COLOURS, PALE
from keytwin.report.link_svg import settings

SIZE: Final = (7.0, 5.2)  # inches
_SPREAD: Final = 30.0  # of values: from there on an axis counts in powers of ten
_TICKS: Final = 5
_KINDS: Final = (
    (Fate.REJECTED, PALE, "x", 40),
    (Fate.DOMINATED, COLOURS[1], "o", 36),
    (Fate.FRONT, COLOURS[0], "D", 70),
)


def exploration_as_svg(exploration: Exploration, title: str = "keytwin") -> bytes:
    """Return the figure as the bytes of an SVG file."""
    buffer = BytesIO()
    with settings():
        draw_exploration(exploration).savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    return buffer.getvalue()


def draw_exploration(exploration: Exploration) -> Figure:
    """Draw what has finite figures in the first two objectives; a point of the front bears its number."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    across, up = exploration.objectives[:2]
    for fate, colour, marker, size in _KINDS:
        places = [each for each in exploration.candidates if exploration.judgement(each).fate is fate]
        drawn = [each for each in map(_place, places) if each is not None]
        if drawn:
            across_drawn, up_drawn = zip(*drawn, strict=True)
            axes.scatter(across_drawn, up_drawn, s=size, c=colour, marker=marker, label=fate)
    for place, point in enumerate(exploration.front):
        if (spot := _place(point.candidates[0])) is not None:
            axes.annotate(str(place + 1), spot, xytext=(7, 5), textcoords="offset points")
    every = [spot for each in exploration.candidates if each.values and (spot := _place(each)) is not None]
    _dress(axes, "x", across, [spot[0] for spot in every])
    _dress(axes, "y", up, [spot[1] for spot in every])
    axes.grid(visible=True, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    if every:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def _place(candidate: Candidate) -> tuple[float, float] | None:
    across, up = candidate.values[:2] if candidate.values else (None, None)
    if across is None or up is None or not isfinite(across) or not isfinite(up):
        return None
    return across, up


def _dress(axes: Axes, axis: str, objective: Objective, values: Sequence[float]) -> None:
    set_label, set_scale, ticks = (
        (axes.set_xlabel, axes.set_xscale, axes.xaxis)
        if axis == "x"
        else (axes.set_ylabel, axes.set_yscale, axes.yaxis)
    )
    set_label(objective.name)
    if values and min(values) > 0 and max(values) > _SPREAD * min(values):
        set_scale("log")
    else:
        # Of what is counted nothing lies between.
        ticks.set_major_locator(MaxNLocator(_TICKS, integer=objective.measure.quantity in {"count", "level"}))
    ticks.set_major_formatter(FuncFormatter(lambda value, _: _shown(objective, value)))


def _shown(objective: Objective, value: float) -> str:
    # An axis may go beyond the ends of the order, where there is nothing to name.
    is_level = objective.measure.quantity == "level"
    return "" if is_level and not 0 <= value < len(Security) else objective.shown(value)
