"""What the seeds of a sweep say together: means with confidence intervals of Student's t."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import stdtrit

from keytwin.algorithms.statistics import mean_and_error
from keytwin.scenario.sweep import MEASURES, Plan, Row

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Summary:
    """One measure of one metric at one load, over `runs` seeds in which there was something to measure.

    The interval holds the true mean with 95 % probability, were the runs' values normally distributed: with many
    seeds the mean nearly is. `half` None = fewer than two runs tell nothing of spread; `mean` None = no run has it.
    """

    metric: str
    load: float
    measure: str
    runs: int
    mean: float | None
    half: float | None
    """Half the width of the interval."""


def summarised(plan: Plan, rows: Sequence[Row]) -> tuple[Summary, ...]:
    """Return all measures, metric by metric and load by load in the order of the plan."""
    found: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        found.setdefault((row.metric, row.load), []).append(row)
    return tuple(
        _summary(metric, load, measure, found.get((metric, load), ()))
        for metric in plan.metrics
        for load in plan.loads
        for measure in MEASURES
    )


def half_width(values: Sequence[float], confidence: float = CONFIDENCE) -> float:
    """Return half the width of the confidence interval of the mean of at least two values."""
    _, error = mean_and_error(values)
    return float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * error


def _summary(metric: str, load: float, measure: str, rows: Iterable[Row]) -> Summary:
    told = [getattr(row, measure) for row in rows]
    values: list[float] = [value for value in told if value is not None]
    mean = sum(values) / len(values) if values else None
    half = half_width(values) if len(values) >= 2 else None
    return Summary(metric, load, measure, len(values), mean, half)
