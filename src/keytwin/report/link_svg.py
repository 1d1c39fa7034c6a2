"""Rate and error rate of a link over distance, with the bounds of its channel, as an SVG for papers and pages.

Equal links give equal bytes, as with event lanes; curves differ in colour, which colour-blind people tell apart, and in
dashes. Letters are large enough to be read at half the size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from math import isfinite, nan
from typing import Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keytwin.report.lanes_svg import COLOURS, INK, PALE
from keytwin.report.link import LinkRate
from keytwin.report.link_limits import Explanation
from keytwin.vocabulary.errors import Mistake

SIZE: Final = (7.0, 6.4)  # inches
FONT_SIZE: Final = 13  # points
_WIDTH: Final = 2.0  # of a curve, in points
_ENDLESS: Final = "in endless blocks"
_HEADROOM: Final = 3.0  # above the bounds, as a factor
_ABOVE: Final = 1.2  # the same above errors, so that a flat curve does not lie on the frame
_BOUNDS: Final[tuple[tuple[str, Callable[[LinkRate], float], object], ...]] = (
    ("TGW bound", lambda rate: rate.bounds.tgw, (0, (1.3, 1.3))),
    ("PLOB bound", lambda rate: rate.bounds.plob, (0, (5, 1.6))),
    ("single-repeater bound", lambda rate: rate.bounds.single_repeater, (0, (6, 1.6, 1.3, 1.6))),
)


def link_as_svg(explanation: Explanation, title: str = "keytwin") -> bytes:
    """Return the figure as the bytes of an SVG file; Mistake when there is no distance to draw over."""
    figure = draw_link(explanation)
    buffer = BytesIO()
    with settings():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Title": title})
    return buffer.getvalue()


def draw_link(explanation: Explanation) -> Figure:
    """Draw rate and error rate one above the other; Mistake when there is no distance to draw over."""
    if not explanation.unit:
        raise Mistake(f"link {explanation.rate.link}: its loss is not chosen, so there is no distance to draw over")
    with settings():
        figure = Figure(figsize=SIZE, layout="constrained")
        rates, errors = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        _draw_rates(rates, explanation)
        _draw_errors(errors, explanation)
        for axes in (rates, errors):
            _mark_here(axes, explanation)
            axes.grid(visible=True, color="#dddddd", linewidth=0.8)
            axes.set_axisbelow(True)
        figure.legend(*rates.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
        return figure


def _draw_rates(axes: Axes, explanation: Explanation) -> None:
    """Per pulse beside the bounds; per second where the model does not tell pulses, and then without them."""
    curve, protocol = explanation.curve, explanation.rate.protocol
    is_per_pulse = explanation.rate.rate_per_pulse is not None
    axes.set_yscale("log")
    axes.set_ylabel("secret key in bit/pulse" if is_per_pulse else "secret key in bit/s")
    told = [rate.rate_per_pulse if is_per_pulse else rate.rate_per_second for rate in curve]
    axes.plot(explanation.places, _drawable(told), color=COLOURS[0], linewidth=1.5 * _WIDTH, label=protocol)
    if explanation.endless:
        endless = _drawable(explanation.endless)
        axes.plot(
            explanation.places, endless, color=COLOURS[0], linestyle=(0, (1, 1)), linewidth=_WIDTH, label=_ENDLESS
        )
    if is_per_pulse:
        for (label, bound, dash), colour in zip(_BOUNDS, COLOURS[1:], strict=False):
            values = _drawable([bound(rate) for rate in curve])
            axes.plot(explanation.places, values, color=colour, linestyle=dash, linewidth=_WIDTH, label=label)
        axes.set_ylim(top=_HEADROOM * max(rate.bounds.single_repeater for rate in curve[1:]))


def _draw_errors(axes: Axes, explanation: Explanation) -> None:
    shown = [100.0 * rate.error_rate for rate in explanation.curve]
    axes.plot(explanation.places, shown, color=COLOURS[0], linewidth=1.5 * _WIDTH)
    axes.set_ylim(bottom=0.0, top=_ABOVE * max(shown) or 1.0)
    axes.set_ylabel("QBER in %")
    axes.set_xlabel(f"{explanation.along} in {explanation.unit}")


def _mark_here(axes: Axes, explanation: Explanation) -> None:
    axes.axvline(explanation.here, color=PALE, linewidth=1.0, linestyle=(0, (2, 2)), label="this link")


def _drawable(values: Sequence[float | None]) -> list[float]:
    """Leave out what a logarithmic axis cannot show."""
    return [value if value is not None and isfinite(value) and value > 0 else nan for value in values]


def settings() -> AbstractContextManager[None]:
    """Return how figures are drawn: with the same letters everywhere, and large enough."""
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
