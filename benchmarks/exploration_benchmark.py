"""Exploring the cases of the library: how fast configurations are laid out and judged, and how long all of it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from benchmarks.table import REPETITIONS, Row, best_rate
from keytwin.assessment.architecture import USUAL_OVM
from keytwin.assessment.assess import usual_costs
from keytwin.assessment.exploring import Crew, explore_case
from keytwin.assessment.physics import Physics, shelf
from keytwin.design.derivation import derive
from keytwin.design.exploration import candidate_of
from keytwin.design.measures import Yardstick
from keytwin.design.need import Case
from keytwin.design.objectives import objectives_of
from keytwin.design.proposals import Judging, configurations
from keytwin.design.realisation import Layouts
from keytwin.design.relaxation import widened
from keytwin.files.library import need_source, needs
from keytwin.files.need import check_need
from keytwin.files.ovm import library_ovm

ROUNDS: Final = 30
FRESH: Final = 5
"""Demands, each of which makes every programme a new one."""


def rows() -> Iterator[Row]:
    """Measure evaluations whose programmes are known, evaluations whose programmes are new, and whole explorations."""
    cases = [check_need(need_source(name)).value for name in needs()]
    known = [_Case(case) for case in cases]
    for each in known:
        each.evaluate()
    rate = best_rate(lambda: sum(each.evaluate() for _ in range(ROUNDS) for each in known))
    reference = (
        f"laid out, judged by all needs and compared: {sum(map(len, known))} configurations of {len(cases)} cases"
    )
    yield Row("static evaluations with cached programmes", rate, "evaluations/s", reference, 1_000, 10_000)
    ring = next(each for each in known if each.case.name == "bank-ring")
    # Made before the clock runs: what is measured is laying out and judging.
    fresh = iter([_scaled(ring, 1.0 + step / 1_000) for step in range(1, FRESH * REPETITIONS + 1)])
    yield Row(
        "static evaluations, each with new linear programmes",
        best_rate(lambda: sum(next(fresh).evaluate() for _ in range(FRESH))),
        "evaluations/s",
        "five sites, ten demands, six failures each: bank-ring",
    )
    for jobs in (1, None):
        began = time.perf_counter()
        for case in cases:
            explore_case(case, crew=Crew(jobs))
        name = "one process" if jobs else "as by default"
        yield Row(f"explore all cases, {name}", time.perf_counter() - began, "s", "with fresh physics", is_cost=True)


class _Case:
    """A case with everything that does not change between evaluations."""

    def __init__(self, case: Case, physics: Physics | None = None) -> None:
        self.case, ovm = case, library_ovm(USUAL_OVM)
        self.physics = physics or Physics()
        derived = derive(widened(case), ovm, self.physics.reaches)
        self.configurations = list(configurations(ovm, derived))
        layouts = Layouts(widened(case), ovm, shelf(self.physics), derived.routes)
        self.judging = Judging(case.needs, layouts, Yardstick(usual_costs()))
        self.objectives = objectives_of(case)[0]

    def __len__(self) -> int:
        return len(self.configurations)

    def evaluate(self) -> int:
        """Lay out and judge all configurations, and find their figures."""
        for each in self.configurations:
            candidate_of(self.judging, each, self.objectives)
        return len(self.configurations)


def _scaled(known: _Case, factor: float) -> _Case:
    """Return the case with all demands a little larger; what links give is known."""
    asked = tuple(
        replace(need, threshold=need.threshold * factor) if need.demand else need for need in known.case.needs
    )
    return _Case(replace(known.case, needs=asked), known.physics)
