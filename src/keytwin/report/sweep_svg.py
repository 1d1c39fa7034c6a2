"""A measure of a sweep over the load, a line for each metric, with confidence intervals, as an SVG.

Equal sweeps give equal bytes, as with event lanes; lines differ in colour, in dashes and in marks, so that they are
told apart in grey. Letters are large enough to be read at half the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from math import nan
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keytwin.report.lanes_svg import COLOURS, DASHES, INK
from keytwin.report.sweep_statistics import CONFIDENCE, Summary
from keytwin.scenario.sweep import MEASURES, Plan

SIZE: Final = (7.0, 4.6)  # inches
FONT_SIZE: Final = 13  # points
MARKS: Final = ("o", "s", "^", "D", "v", "P", "X")
ABOVE: Final = 1.08  # the highest interval, as a factor: none touches the frame


def sweep_as_svg(plan: Plan, summaries: Iterable[Summary], measure: str) -> bytes:
    """Return the figure as the bytes of an SVG file."""
    figure = draw_sweep(plan, summaries, measure)
    buffer = BytesIO()
    with _settings():
        title = f"{plan.traffic.blueprint.name}: {MEASURES[measure]}"
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    return buffer.getvalue()


def draw_sweep(plan: Plan, summaries: Iterable[Summary], measure: str) -> Figure:
    """Draw one measure; where no run has it a line has a gap, where one run alone has it there is no interval."""
    shown = [each for each in summaries if each.measure == measure]
    with _settings():
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for place, metric in enumerate(plan.metrics):
            _draw(axes, place, metric, [each for each in shown if each.metric == metric])
        highest = max((each.mean + (each.half or 0.0) for each in shown if each.mean is not None), default=0.0)
        axes.set_ylim(bottom=0.0, top=ABOVE * highest or 1.0)
        axes.set_xlim(left=0.0)
        axes.set_xlabel("offered load, as a share of what all links make")
        axes.set_ylabel(MEASURES[measure])
        axes.grid(visible=True, color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        seeds = len(plan.seeds)
        note = f"{plan.traffic.blueprint.name}, {seeds} seeds, {CONFIDENCE:.0%} intervals" if seeds > 1 else "one seed"
        axes.set_title(note, fontsize=FONT_SIZE - 2, color=INK)
        figure.legend(loc="outside upper center", ncols=min(3, len(plan.metrics)), frameon=False)
        return figure


def _draw(axes: Axes, place: int, metric: str, points: Sequence[Summary]) -> None:
    ordered = sorted(points, key=lambda each: each.load)
    axes.errorbar(
        [each.load for each in ordered],
        [nan if each.mean is None else each.mean for each in ordered],
        yerr=[nan if each.half is None else each.half for each in ordered],
        label=metric,
        color=COLOURS[place % len(COLOURS)],
        linestyle=DASHES[place % len(DASHES)],
        marker=MARKS[place % len(MARKS)],
        linewidth=2.0,
        markersize=6.0,
        capsize=4.0,
    )


def _settings() -> AbstractContextManager[None]:
    return rc_context(
        {
            "svg.hashsalt": "keytwin",
            "svg.fonttype": "path",
            "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
            "font.size": FONT_SIZE,
            "legend.fontsize": FONT_SIZE - 2,
            "text.color": INK,
            "axes.labelcolor": INK,
        }
    )
