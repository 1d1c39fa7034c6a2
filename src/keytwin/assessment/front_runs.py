"""The front of an exploration on the twin: what analysis promises of each point, a run has to bear out."""

from __future__ import annotations

from dataclasses import dataclass

from keytwin.assessment.assess import USUAL_SEED, Judged, judged
from keytwin.assessment.exploring import Explored
from keytwin.assessment.trials import Tried, try_out
from keytwin.design.exploration import Point
from keytwin.design.measures import Yardstick
from keytwin.design.need import Priority
from keytwin.design.proposals import Proposal
from keytwin.design.verdict import Outcome


@dataclass(frozen=True, slots=True)
class PointRun:
    """A point of the front, run."""

    tries: tuple[Tried, ...]
    judged: tuple[Judged, ...]
    """A need each; of what no run can tell, as analysis has it."""

    @property
    def is_borne_out(self) -> bool:
        """Whether the run met everything that must be met and that a run can tell."""
        return not any(
            each.verdict.outcome is Outcome.MISSED and each.verdict.need.priority is Priority.MUST
            for each in self.judged
            if each.tried is not None
        )

    @property
    def missed(self) -> tuple[str, ...]:
        """The needs that are missed in the end."""
        return tuple(each.verdict.need.id for each in self.judged if each.verdict.outcome is Outcome.MISSED)


def run_front(explored: Explored, seed: int = USUAL_SEED) -> tuple[PointRun, ...]:
    """Run each point of the front under all that the needs name, in the order of the front; equal seeds, equal runs."""
    return tuple(_run(explored, point, seed) for point in explored.found.front)


def _run(explored: Explored, point: Point, seed: int) -> PointRun:
    # The alternatives of one point have equal figures: the first stands for them.
    proposal = point.candidates[0].proposal
    assert proposal.plan is not None, "what is on the front can be built"
    plan = proposal.plan
    tries = try_out(explored.case, plan, seed)
    yardstick = Yardstick(explored.book, _findings(proposal))
    return PointRun(tries, tuple(judged(explored.case, need, plan, yardstick, tries) for need in explored.case.needs))


def _findings(proposal: Proposal) -> int | None:
    """Return the findings of its views, where the exploration has looked for them."""
    for verdict in proposal.verdicts:
        if verdict.need.measure == "consistency" and verdict.found is not None:
            return int(verdict.found.value)
    return None
